//! Changes in the dashboard reach the edge at once, and soon when the notice was lost.

use crate::harness::{World, eventually};
use http::Method;

#[tokio::test]
async fn a_change_is_served_within_a_moment() {
    let world = World::with(&[("KEYWARD_CONFIG_POLL_SECS", "3600")]).start().await;
    let proxy = world.openai().await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    // Only a notice can have brought this: the next poll is an hour away.
    world.change(&format!("UPDATE proxies SET enabled = false WHERE id = '{}'", proxy.proxy)).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(403).code(), "proxy_disabled");
    world.change(&format!("UPDATE proxies SET enabled = true, rules = '[]' WHERE id = '{}'", proxy.proxy)).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(403).code(), "endpoint_not_allowed");
    world.change(&format!("DELETE FROM proxies WHERE id = '{}'", proxy.proxy)).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(404).code(), "unknown_proxy");
}

#[tokio::test]
async fn a_lost_notice_is_made_up_for_by_polling() {
    let world = World::with(&[("KEYWARD_CONFIG_POLL_SECS", "1")]).start().await;
    let proxy = world.openai().await;
    // Without the trigger nobody is told; the versions alone change.
    world.database.execute("ALTER TABLE proxies DISABLE TRIGGER proxies_config").await;
    world
        .change(&format!(
            "UPDATE proxies SET enabled = false WHERE id = '{}'; UPDATE config_version SET version = version + 1;
             UPDATE apps SET config_version = (SELECT version FROM config_version)",
            proxy.proxy
        ))
        .await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(403).code(), "proxy_disabled");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_takes_down_only_itself() {
    let world = World::start().await;
    let (broken, whole) = (world.openai().await, world.openai().await);
    world.change(&format!("UPDATE proxies SET rules = '{{\"no\": \"list\"}}' WHERE id = '{}'", broken.proxy)).await;
    assert_eq!(world.get(&broken, "alice", "/v1/models").await.expect(404).code(), "unknown_proxy");
    world.get(&whole, "alice", "/v1/models").await.expect(200);
}

#[tokio::test]
async fn a_request_in_flight_ends_with_the_configuration_it_began_with() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let body = serde_json::json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "40", "emulator_delay_ms": "50"}});
    let call = world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await.json(&body);
    let mut response = call.open().await;
    world.change(&format!("UPDATE proxies SET rules = '[]' WHERE id = '{}'", proxy.proxy)).await;
    let mut text = String::new();
    while let Some(chunk) = response.chunk().await.expect("it goes on") {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("w40") && text.ends_with("data: [DONE]\n\n"));
    eventually("the event is written", || async {
        (world.database.count("SELECT count(*) FROM usage_events WHERE outcome = 'completed'").await == 1).then_some(())
    })
    .await;
}
