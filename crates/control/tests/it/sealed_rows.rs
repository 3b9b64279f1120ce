//! Sealed rows that were swapped, moved or pointed elsewhere in the database don't open.

use keyward_control::ControlError;
use keyward_domain::ids::ProxyId;
use keyward_domain::view::IssuerForm;

use crate::world::{World, key_ring, new_proxy};

/// How many proxies' keys the edge could open.
async fn keys_that_open(world: &World) -> usize {
    let snapshot = world.database.store().config_snapshot().await.expect("works");
    let keys = snapshot.proxies.into_iter().flat_map(|proxy| proxy.keys);
    keys.filter(|key| key.open(&key_ring()).is_ok()).count()
}

/// Two accounts with a proxy each.
async fn two_proxies(world: &World) -> [ProxyId; 2] {
    let mut ids = Vec::new();
    for email in ["ada@example.com", "eve@example.com"] {
        let actor = world.actor(email).await;
        let app = world.app(&actor).await;
        let form = new_proxy("custom", "https://api.example.com");
        ids.push(world.control.create_proxy(&actor, app, form).await.expect("created"));
    }
    assert_eq!(keys_that_open(world).await, 2);
    [ids[0], ids[1]]
}

#[tokio::test]
async fn keys_swapped_between_accounts_do_not_open() {
    let world = World::production().await;
    let [one, two] = two_proxies(&world).await;
    let swap = format!(
        "UPDATE sealed_keys SET sealed = other.sealed, id = gen_random_uuid() FROM sealed_keys AS other
         WHERE (sealed_keys.proxy_id, other.proxy_id) IN (('{one}', '{two}'), ('{two}', '{one}'))"
    );
    assert_eq!(world.database.execute(&swap).await, 2);
    assert_eq!(keys_that_open(&world).await, 0);
}

#[tokio::test]
async fn a_key_moved_to_another_proxy_of_its_account_does_not_open() {
    let world = World::production().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let first = world.openai_proxy(&ada, app).await;
    let second = world.openai_proxy(&ada, app).await;
    world.database.execute(&format!("DELETE FROM sealed_keys WHERE proxy_id = '{second}'")).await;
    world.database.execute(&format!("UPDATE sealed_keys SET proxy_id = '{second}' WHERE proxy_id = '{first}'")).await;
    assert_eq!(keys_that_open(&world).await, 0);
}

#[tokio::test]
async fn a_key_pointed_at_another_origin_placement_provider_or_version_does_not_open() {
    let world = World::production().await;
    two_proxies(&world).await;
    for (change, restore) in [
        (
            "UPDATE proxies SET base_url = 'https://evil.example.com'",
            "UPDATE proxies SET base_url = 'https://api.example.com'",
        ),
        (
            "UPDATE proxies SET base_url = 'https://api.example.com:444'",
            "UPDATE proxies SET base_url = 'https://api.example.com'",
        ),
        (
            r#"UPDATE proxies SET key_placement = '{"kind": "query", "name": "k"}'"#,
            r#"UPDATE proxies SET key_placement = '{"kind": "bearer"}'"#,
        ),
        ("UPDATE proxies SET provider = 'openai'", "UPDATE proxies SET provider = 'custom'"),
        ("UPDATE sealed_keys SET version = version + 1", "UPDATE sealed_keys SET version = version - 1"),
    ] {
        world.database.execute(change).await;
        assert_eq!(keys_that_open(&world).await, 0, "{change}");
        world.database.execute(restore).await;
        assert_eq!(keys_that_open(&world).await, 2, "{restore}");
    }
}

#[tokio::test]
async fn another_accounts_data_key_opens_nothing() {
    let world = World::production().await;
    two_proxies(&world).await;
    world
        .database
        .execute("UPDATE accounts SET wrapped_data_key = other.wrapped_data_key FROM accounts AS other WHERE other.id <> accounts.id")
        .await;
    assert_eq!(keys_that_open(&world).await, 0);
}

#[tokio::test]
async fn with_the_wrong_key_encryption_key_nothing_is_sealed() {
    let world = World::production().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let control = world.with_another_key();
    assert_eq!(control.create_proxy(&ada, app, new_proxy("openai", "")).await, Err(ControlError::Internal));
    let form = IssuerForm::SupabaseSecret { project: "abcdefghijklmnopqrst".to_owned(), secret: "s".repeat(40) };
    assert_eq!(control.add_issuer(&ada, app, form).await, Err(ControlError::Internal));
    for table in ["proxies", "sealed_keys", "issuers"] {
        assert_eq!(world.database.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}
