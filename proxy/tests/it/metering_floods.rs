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
