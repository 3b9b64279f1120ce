//! Several keys for a proxy: added with the password, weighed, removed, and all replaced at once.

use keyward_control::ControlError;
use keyward_domain::ids::ProxyId;
use keyward_domain::view::{NewPoolKeyForm, PoolKeyForm, ProxySettingsForm};

use crate::world::{KEY, PASSWORD, World, key_ring, refusal, unchanged};

fn form(key: &str, weight: u32) -> NewPoolKeyForm {
    let settings = PoolKeyForm { label: " Second ".to_owned(), weight };
    NewPoolKeyForm { key: key.to_owned(), settings, current_password: PASSWORD.to_owned() }
}

/// The keys as the edge would open them, with their weights.
async fn opened(world: &World, proxy: ProxyId) -> Vec<(String, u32)> {
    let snapshot = world.database.store().config_snapshot().await.expect("works");
    let proxy = snapshot.proxies.into_iter().find(|found| found.id == proxy).expect("served");
    let open = |key: &keyward_store::snapshot::SealedProviderKey| {
        (key.open(&key_ring()).expect("opens").expose().to_owned(), key.weight)
    };
    proxy.keys.iter().map(open).collect()
}

#[tokio::test]
async fn keys_of_a_proxy_are_added_weighed_and_removed() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let second = control.add_proxy_key(&ada, proxy, form("sk-second-key-wxyz", 3)).await.expect("added");
    assert_eq!(opened(&world, proxy).await, [(KEY.to_owned(), 1), ("sk-second-key-wxyz".to_owned(), 3)]);
    let keys = control.proxy_keys(&ada, proxy).await.expect("works");
    let shown: Vec<_> = keys.iter().map(|key| (key.label.as_str(), key.hint.to_string(), key.weight)).collect();
    assert_eq!(shown, [("", "…abcd".to_owned(), 1), ("Second", "…wxyz".to_owned(), 3)]);
    let settings = PoolKeyForm { label: String::new(), weight: 0 };
    control.set_key_weight(&ada, proxy, keys[0].id, settings.clone()).await.expect("weighed");
    assert_eq!(opened(&world, proxy).await[0], (KEY.to_owned(), 0));
    let heavy = PoolKeyForm { weight: 1_001, ..settings };
    assert_eq!(refusal(control.set_key_weight(&ada, proxy, second, heavy).await).0, "weight");
    control.remove_proxy_key(&ada, proxy, keys[0].id).await.expect("removed");
    let last = control.remove_proxy_key(&ada, proxy, second).await;
    assert!(matches!(last, Err(ControlError::Conflict { .. })), "{last:?}");
    assert_eq!(opened(&world, proxy).await, [("sk-second-key-wxyz".to_owned(), 3)]);
    world.database.execute("UPDATE proxies SET policy = '{\"byok\": \"required\"}'").await;
    control.remove_proxy_key(&ada, proxy, second).await.expect("nobody calls with it");
}

#[tokio::test]
async fn a_key_is_added_with_the_password_only_and_not_without_end() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    for password in ["", "not the password"] {
        let form = NewPoolKeyForm { current_password: password.to_owned(), ..form("sk-second-key-wxyz", 1) };
        assert_eq!(refusal(control.add_proxy_key(&ada, proxy, form).await.map(drop)).0, "current_password");
    }
    for number in 2..=10 {
        control.add_proxy_key(&ada, proxy, form(&format!("sk-key-number-{number:02}"), 1)).await.expect("added");
    }
    let one_more = control.add_proxy_key(&ada, proxy, form("sk-key-number-11", 1)).await;
    assert!(matches!(one_more, Err(ControlError::Conflict { .. })), "{one_more:?}");
    assert_eq!(opened(&world, proxy).await.len(), 10);
}

#[tokio::test]
async fn a_new_key_in_the_settings_takes_the_place_of_all() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    control.add_proxy_key(&ada, proxy, form("sk-second-key-wxyz", 3)).await.expect("added");
    let same = unchanged(&control.proxy(&ada, proxy).await.expect("works"));
    let form = ProxySettingsForm { key: "sk-only-one".to_owned(), current_password: PASSWORD.to_owned(), ..same };
    control.save_proxy(&ada, proxy, form).await.expect("saved");
    assert_eq!(opened(&world, proxy).await, [("sk-only-one".to_owned(), 1)]);
}

#[tokio::test]
async fn what_the_provider_said_of_a_key_is_shown_and_changes_no_configuration() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let key = control.proxy_keys(&ada, proxy).await.expect("works")[0].id;
    let store = world.database.store();
    let version = store.config_version().await.expect("read");
    let at = time::macros::datetime!(2026-03-01 10:00 UTC);
    let refusal = keyward_store::sealed_keys::KeyRefusal { proxy, key, status: 401, at };
    store.note_key_refusals(&[refusal]).await.expect("noted");
    assert_eq!(store.config_version().await.expect("read"), version);
    let shown = control.proxy_keys(&ada, proxy).await.expect("works")[0].last_refusal.expect("noted");
    assert_eq!((shown.status, shown.at), (401, at));
}
