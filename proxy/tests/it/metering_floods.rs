//! Nothing that a client writes keeps others' usage from being metered.

use crate::harness::{World, eventually};
use serde_json::json;

#[tokio::test]
async fn a_model_name_without_end_is_cut() {
    let world = World::with(&[("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.openai().await;
    let body = json!({"model": "é".repeat(500_000), "input": "x"});
    world.post(&proxy, "alice", "/v1/embeddings", &body).await;
    let event = world.usage(&proxy, 1).await.remove(0);
    assert_eq!(event["model"].as_str().map(|model| model.chars().count()), Some(128));
}

#[tokio::test]
async fn bad_tokens_cost_a_few_rows_and_are_all_counted() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for _ in 0..40 {
        world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth("a.b.c")).await.expect(401);
    }
    // Written last, so that all before it are.
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    eventually("the call of a user is written down", || async {
        (world.database.count("SELECT count(*) FROM usage_events WHERE sub = 'alice'").await == 1).then_some(())
    })
    .await;
    let rows = world.database.count("SELECT count(*) FROM usage_events WHERE sub IS NULL").await;
    // A minute may have turned over meanwhile.
    assert!((10..=20).contains(&rows), "{rows}");
    let unlisted = world.metric("keyward_edge_strangers_unlisted_total").await;
    assert_eq!(unlisted + rows as f64, 40.0);
    assert!(world.metric("keyward_edge_requests_total{code=\"token_malformed\"").await >= 40.0);
}

#[tokio::test]
async fn an_event_that_the_database_refuses_holds_up_no_other() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let cursed = "ALTER TABLE usage_events ADD CONSTRAINT cursed CHECK (method <> 'DELETE')";
    world.database.execute(cursed).await;
    for _ in 0..3 {
        let delete = world.call(&proxy, "alice", http::Method::DELETE, "/v1/files/file-x").await.send();
        let (_, get) = tokio::join!(delete, world.get(&proxy, "alice", "/v1/models"));
        get.expect(200);
    }
    let events = world.usage(&proxy, 3).await;
    assert!(events.iter().all(|event| event["method"] == "GET"), "{events:#?}");
    eventually("what was refused is given up, and counted", || async {
        (world.metric("keyward_edge_usage_events_dropped_total").await >= 3.0).then_some(())
    })
    .await;
}
