//! A stop in order: load balancers learn first, then connections are told, then streams end or are ended, all of it metered.

use std::time::Duration;

use crate::harness::{Frame, Frames, Seeded, World, eventually, http2_client};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

fn chat(chunks: u32, delay_ms: u32) -> Value {
    let metadata = json!({"emulator_chunks": chunks.to_string(), "emulator_delay_ms": delay_ms.to_string()});
    json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}], "metadata": metadata})
}

async fn open(world: &World, proxy: &Seeded, client: &Client, body: &Value) -> Response {
    let request = client.post(world.url(proxy, "/v1/chat/completions")).bearer_auth(world.token("alice").await);
    request.json(body).send().await.expect("an answer")
}

/// All that came, and whether the end was clean.
async fn rest(mut response: Response) -> (String, bool) {
    let mut text = String::new();
    let reading = async {
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => text.push_str(&String::from_utf8_lossy(&chunk)),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    };
    let is_clean = timeout(Duration::from_secs(60), reading).await.expect("it ends");
    (text, is_clean)
}

#[tokio::test]
async fn in_the_lame_duck_time_it_says_not_ready_and_serves_on() {
    let mut world = World::with(&[("KEYWARD_LAME_DUCK_SECS", "4")]).start().await;
    let proxy = world.openai().await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    world.edge.process.signal("TERM");
    eventually("it says that it is not ready", || async {
        let ready = world.send(world.client.get(format!("{}/readyz", world.edge.ops))).await;
        (ready.status == 503).then_some(())
    })
    .await;
    for _ in 0..5 {
        let answer = world.get(&proxy, "alice", "/v1/models").await.expect(200);
        assert_eq!(answer.header("connection"), Some("close"), "the next request may go elsewhere");
    }
    let token = world.token("alice").await;
    let answer = http2_client().get(world.url(&proxy, "/v1/models")).bearer_auth(token).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert_eq!(world.edge.process.exit_code().await, 0);
    assert_eq!(world.database.count("SELECT count(*) FROM usage_events").await, 7);
}

#[tokio::test]
async fn streams_of_either_protocol_may_end_within_the_grace_time() {
    let mut world = World::with(&[("KEYWARD_SHUTDOWN_GRACE_SECS", "30")]).start().await;
    let proxy = world.openai().await;
    let streams = [
        open(&world, &proxy, &world.client, &chat(40, 25)).await,
        open(&world, &proxy, &http2_client(), &chat(40, 25)).await,
    ];
    world.edge.process.signal("TERM");
    for stream in streams {
        let (text, is_clean) = rest(stream).await;
        assert!(is_clean && text.ends_with("data: [DONE]\n\n"), "{text}");
    }
    assert_eq!(world.edge.process.exit_code().await, 0);
    assert!(world.usage(&proxy, 2).await.iter().all(|event| event["outcome"] == "completed"));
}

#[tokio::test]
async fn a_stream_of_http_2_that_is_cut_is_told_why_before_it_is_reset() {
    let mut world = World::start().await;
    let proxy = world.openai().await;
    let client = http2_client();
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(open(&world, &proxy, &client, &chat(100_000, 20)).await);
    }
    world.edge.process.signal("TERM");
    for stream in streams {
        let (text, is_clean) = rest(stream).await;
        assert!(!is_clean, "something is missing");
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        assert!(last.contains("shutting_down"), "{last}");
    }
    assert_eq!(world.edge.process.exit_code().await, 0);
    assert!(world.usage(&proxy, 10).await.iter().all(|event| event["code"] == "shutting_down"));
}

#[tokio::test]
async fn a_connection_of_http_2_is_told_to_go_away() {
    let mut world = World::start().await;
    let mut frames = Frames::open(&world.edge.address).await;
    assert!(frames.find(|frame| frame.kind == Frame::SETTINGS).await.is_some());
    world.edge.process.signal("TERM");
    let told = frames.find(|frame| frame.kind == Frame::GOAWAY).await.expect("GOAWAY");
    assert_eq!(told.reason(), 0);
    assert_eq!(world.edge.process.exit_code().await, 0);
}
