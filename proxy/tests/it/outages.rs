//! PostgreSQL away, at the start and later: traffic goes on, and no usage is lost.

use crate::harness::{EdgeProcess, World, ended_with, eventually};
use serde_json::json;

#[tokio::test]
async fn traffic_goes_on_without_the_database_and_its_usage_is_written_later() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    world.cable.cut();
    for user in ["alice", "bob", "carol"] {
        let body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]});
        world.post(&proxy, user, "/v1/chat/completions", &body).await.expect(200);
    }
    assert_eq!(world.send(world.client.get(format!("{}/readyz", world.edge.ops))).await.status, 200);
    world.cable.mend();
    assert_eq!(world.usage(&proxy, 4).await.len(), 4);
    // And configuration is heard of again.
    world.change(&format!("UPDATE proxies SET enabled = false WHERE id = '{}'", proxy.proxy)).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(403);
}

#[tokio::test]
async fn without_a_database_at_the_start_it_waits_and_says_so() {
    let world = World::start().await;
    world.cable.cut();
    let (mut process, ops) = EdgeProcess::start_waiting(&world.env()).await;
    process.line_with("the database (DATABASE_URL) can't be used").await;
    assert_eq!(world.send(world.client.get(format!("{ops}/healthz"))).await.status, 200);
    assert_eq!(world.send(world.client.get(format!("{ops}/readyz"))).await.status, 503);
    world.cable.mend();
    process.line_with("keyward-proxy listening").await;
    assert_eq!(world.send(world.client.get(format!("{ops}/readyz"))).await.status, 200);
}

#[tokio::test]
async fn another_key_encryption_key_is_a_clear_error() {
    let world = World::start().await;
    let ring = keyward_store::sealing::KeyRing::from_hex(crate::harness::KEK).expect("hex");
    world.database.store().adopt_key_ring(&ring).await.expect("the first");
    let mut env = world.env();
    env.push(("KEYWARD_KEY_ENCRYPTION_KEY".to_owned(), "ab".repeat(32)));
    let said = ended_with(2, &env).await;
    assert!(said.contains("KEYWARD_KEY_ENCRYPTION_KEY is not the key this database was set up with"), "{said}");
}

#[tokio::test]
async fn what_was_served_at_the_end_is_written_before_it_stops() {
    let mut world = World::start().await;
    let proxy = world.openai().await;
    for _ in 0..50 {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
    }
    world.edge.process.signal("TERM");
    assert_eq!(world.edge.process.exit_code().await, 0);
    assert_eq!(world.database.count("SELECT count(*) FROM usage_events").await, 50);
}

#[tokio::test]
async fn a_database_without_the_schema_is_waited_for() {
    let world = World::start().await;
    world.database.execute("ALTER TABLE _sqlx_migrations RENAME TO hidden_migrations").await;
    let (mut process, ops) = EdgeProcess::start_waiting(&world.env()).await;
    process.line_with("schema").await;
    assert_eq!(world.send(world.client.get(format!("{ops}/readyz"))).await.status, 503);
    world.database.execute("ALTER TABLE hidden_migrations RENAME TO _sqlx_migrations").await;
    process.line_with("keyward-proxy listening").await;
    eventually("it is ready", || async {
        (world.send(world.client.get(format!("{ops}/readyz"))).await.status == 200).then_some(())
    })
    .await;
}
