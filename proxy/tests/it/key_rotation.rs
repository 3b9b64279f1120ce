//! The key-encryption key is changed under load: no request fails, and afterwards the old one opens nothing.

use http::Method;
use keyward_domain::ids::AccountId;
use keyward_domain::policy::{Byok, ProxyPolicy};
use keyward_store::sealing::KeyRing;
use serde_json::json;

use crate::harness::{KEK, MORE_KEYS, Seed, World};

const NEW_KEK: &str = "0ddba110ddba110ddba110ddba110ddba110ddba110ddba110ddba110ddba110";

#[tokio::test]
async fn no_request_fails_while_the_data_keys_are_wrapped_anew() {
    let env = [("KEYWARD_KEY_ENCRYPTION_KEY", NEW_KEK), ("KEYWARD_KEY_ENCRYPTION_KEY_PREVIOUS", KEK)];
    let world = World::with(&env).start().await;
    let policy = ProxyPolicy { byok: Byok::Optional, ..ProxyPolicy::default() };
    let proxy = world.plant(Seed { policy, ..world.seed("openai") }).await;
    let made = world.post(&proxy, "alice", "/_keyward/byok", &json!({"key": MORE_KEYS[2]})).await.expect(201).json();
    let credential = made["credential"].as_str().expect("shown once").to_owned();
    world.keep_secret(credential.rsplit('_').next().expect("a share"));

    let old = KeyRing::from_hex(KEK).expect("64 digits");
    let both = KeyRing::from_hex(NEW_KEK).expect("64 digits").with_previous(KEK).expect("64 digits");
    let store = world.database.store();
    let version = store.config_version().await.expect("read");
    let load = async {
        for _ in 0..60 {
            world.get(&proxy, "alice", "/v1/models").await.expect(200);
            let own = world.call(&proxy, "alice", Method::GET, "/v1/models").await;
            own.header("x-keyward-byok", &credential).send().await.expect(200);
        }
    };
    let turn = async {
        store.adopt_key_ring(&old).await.expect("as it was set up");
        assert_eq!(store.rewrap_data_keys(&both).await.expect("wrapped anew"), 1);
    };
    tokio::join!(load, turn);
    assert!(store.config_version().await.expect("read") > version);
    world.change("UPDATE proxies SET name = 'Later'").await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    let account: uuid::Uuid = world.database.text("SELECT id::text FROM accounts").await.parse().expect("a UUID");
    let wrapped = store.wrapped_data_key(AccountId(account)).await.expect("there");
    assert!(old.open_data_key(AccountId(account), &wrapped).is_err(), "the old key opens nothing any more");
    assert!(store.check_key_ring(&old).await.is_err(), "nor does a process with it start");
}
