//! A database belongs to one key-encryption key.

use keyward_store::key_ring::KeyRingCheckError;
use keyward_store::sealing::KeyRing;
use keyward_store::testing::TestDatabase;

use crate::common::key_ring;

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
