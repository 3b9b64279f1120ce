//! No cache keeps what one user was told.

use crate::harness::World;
use serde_json::json;

#[tokio::test]
async fn every_reply_says_that_it_is_private() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let chat = |stream: bool| json!({"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
    for answer in [
        world.get(&proxy, "alice", "/v1/models").await.expect(200),
        world.get(&proxy, "alice", "/v1/files").await.expect(200),
        world.post(&proxy, "alice", "/v1/chat/completions", &chat(false)).await.expect(200),
        world.post(&proxy, "alice", "/v1/chat/completions", &chat(true)).await.expect(200),
        world.get(&proxy, "alice", "/nowhere").await.expect(403),
    ] {
        assert_eq!(answer.header("cache-control"), Some("private, no-store"), "{}", answer.text());
    }
}
