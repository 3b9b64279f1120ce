//! A database belongs to one key-encryption key.

use keyward_domain::ids::IssuerId;
use keyward_store::key_ring::KeyRingCheckError;
use keyward_store::sealing::KeyRing;
use keyward_store::testing::TestDatabase;

use crate::common::{key_ring, owner};

#[tokio::test]
async fn another_key_encryption_key_is_refused_by_name() {
    let database = TestDatabase::create().await;
    let store = database.store();
    store.check_key_ring(&key_ring()).await.expect("nothing recorded yet");
    store.adopt_key_ring(&key_ring()).await.expect("the first start records it");
    store.adopt_key_ring(&key_ring()).await.expect("the second start finds it");
    let other = KeyRing::from_hex(&"5b".repeat(32)).expect("64 digits");
    let error = store.adopt_key_ring(&other).await.expect_err("another key");
    assert!(matches!(error, KeyRingCheckError::WrongKey));
    assert!(error.to_string().contains("KEYWARD_KEY_ENCRYPTION_KEY"), "{error}");
}

#[tokio::test]
async fn a_new_key_encryption_key_takes_over_and_the_old_one_opens_nothing_more() {
    let database = TestDatabase::create().await;
    let (store, old) = (database.store(), key_ring());
    store.adopt_key_ring(&old).await.expect("the first start");
    let (_, account) = owner(store, "ada@example.com").await;
    let data_key = old.open_data_key(account, &store.wrapped_data_key(account).await.expect("there")).expect("opens");
    store.create_app(account, "App", crate::edge::NOW).await.expect("created");
    let issuer = IssuerId(uuid::Uuid::from_u128(1));
    let sealed = data_key.seal_issuer_secret(issuer, "secret").expect("random");

    let new = KeyRing::from_hex(&"5b".repeat(32)).expect("64 digits");
    let both = new.clone().with_previous(&"5a".repeat(32)).expect("64 digits");
    store.check_key_ring(&both).await.expect("an edge with both serves before and after");
    store.adopt_key_ring(&both).await.expect("the dashboard starts with both");
    let version = store.config_version().await.expect("read");
    assert_eq!(store.rewrap_data_keys(&both).await.expect("done"), 1);
    assert_eq!(store.rewrap_data_keys(&both).await.expect("again"), 0);
    assert_eq!(store.config_version().await.expect("read"), version + 1, "edges read the new wrapping");

    let wrapped = store.wrapped_data_key(account).await.expect("there");
    assert!(old.open_data_key(account, &wrapped).is_err());
    assert!(matches!(store.check_key_ring(&old).await, Err(KeyRingCheckError::WrongKey)));
    store.check_key_ring(&both).await.expect("the edge with both goes on");
    store.adopt_key_ring(&new).await.expect("the old one can go");
    let data_key = new.open_data_key(account, &wrapped).expect("opens");
    assert_eq!(data_key.open_issuer_secret(issuer, &sealed).expect("what it sealed stayed").as_str(), "secret");
}
