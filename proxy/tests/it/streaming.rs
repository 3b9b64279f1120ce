//! Streams: events pass at once, an abort reaches the provider at once, and no broken stream ends cleanly.

use std::time::Duration;

use crate::harness::{Seeded, World, eventually};
use http::Method;
use serde_json::{Value, json};

/// A stream of so many words, with a pause between two of them.
fn chat(chunks: u32, delay_ms: u32) -> Value {
    let metadata = json!({"emulator_chunks": chunks.to_string(), "emulator_delay_ms": delay_ms.to_string()});
    json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}], "metadata": metadata})
}

async fn open(world: &World, proxy: &Seeded, body: &Value) -> reqwest::Response {
    world.call(proxy, "alice", Method::POST, "/v1/chat/completions").await.json(body).open().await
}

#[tokio::test]
async fn the_first_event_is_not_held_back() {
    let world = World::start().await;
    let proxy = world.openai().await;
    // The second event comes after an hour: had the edge waited for more, nothing would come at all.
    let mut response = open(&world, &proxy, &chat(3, 3_600_000)).await;
    let first = response.chunk().await.expect("it goes on").expect("an event");
    assert!(first.starts_with(b"data: {"), "{first:?}");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
}

#[tokio::test]
async fn a_client_that_leaves_is_seen_by_the_provider_and_pays_for_what_it_got() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let mut response = open(&world, &proxy, &chat(1_000, 30)).await;
    let mut got = String::new();
    while !got.contains("w3") {
        got.push_str(&String::from_utf8_lossy(&response.chunk().await.expect("it goes on").expect("an event")));
    }
    drop(response);
    eventually("the provider sees the abort", || async { (world.seen().await[0]["aborted"] == true).then_some(()) })
        .await;
    let event = world.usage(&proxy, 1).await.remove(0);
    assert_eq!((&event["outcome"], &event["status"]), (&json!("client_aborted"), &json!(200)));
    assert!(event["output_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{event}");
    assert!(event["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{event}");
    assert!(event["cost_micro_usd"].as_u64().is_some_and(|cost| cost > 0), "{event}");
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_seen_by_the_provider() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.arm(&json!({"path_prefix": "/openai/v1/chat", "delay_ms": 3_600_000})).await;
    let call = world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await.json(&chat(1, 0));
    let waiting = tokio::spawn(call.request.send());
    eventually("the provider has the request", || async { (!world.seen().await.is_empty()).then_some(()) }).await;
    waiting.abort();
    eventually("the provider sees the abort", || async { (world.seen().await[0]["aborted"] == true).then_some(()) })
        .await;
    let event = world.usage(&proxy, 1).await.remove(0);
    assert_eq!((&event["outcome"], &event["status"]), (&json!("client_aborted"), &json!(499)));
}

#[tokio::test]
async fn the_usage_chunk_shows_only_to_those_who_asked() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let mut body = chat(3, 0);
    let text = world.post(&proxy, "alice", "/v1/chat/completions", &body).await.expect(200).text();
    assert!(!text.contains("prompt_tokens"), "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    body["stream_options"] = json!({"include_usage": true});
    let text = world.post(&proxy, "alice", "/v1/chat/completions", &body).await.expect(200).text();
    assert!(text.contains("prompt_tokens"), "{text}");
    let seen = world.seen().await;
    assert!(seen.iter().all(|call| call["body_json"]["stream_options"]["include_usage"] == true));
    let events = world.usage(&proxy, 2).await;
    assert!(events.iter().all(|event| event["output_tokens"] == 3), "{events:#?}");
}

#[tokio::test]
async fn a_stream_that_breaks_upstream_ends_with_an_error_event_and_no_clean_end() {
    let world = World::start().await;
    let (openai, anthropic, gemini) =
        (world.openai().await, world.plant(world.seed("anthropic")).await, world.plant(world.seed("gemini")).await);
    world.arm(&json!({"path_prefix": "/", "reset_after_bytes": 700})).await;
    let message = json!({"model": "m", "max_tokens": 500, "stream": true, "messages": [{"role": "user", "content": "hi"}], "metadata": {"emulator_chunks": "100"}});
    let contents =
        json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "labels": {"emulator_chunks": "100"}});
    for (proxy, path, body, sign) in [
        (&openai, "/v1/chat/completions", chat(100, 0), "\"code\":\"upstream_broke\""),
        (&anthropic, "/v1/messages", message, "event: error"),
        (
            &gemini,
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            contents,
            "\"reason\":\"UPSTREAM_BROKE\"",
        ),
    ] {
        let call =
            world.call(proxy, "alice", Method::POST, path).await.json(&body).header("anthropic-version", "2023-06-01");
        let mut response = call.open().await;
        let mut text = String::new();
        let end = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => text.push_str(&String::from_utf8_lossy(&chunk)),
                Ok(None) => break "clean",
                Err(_) => break "broken",
            }
        };
        assert_eq!(end, "broken", "{path}");
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        assert!(last.contains(sign) && last.contains("upstream_broke") || last.contains(sign), "{path}: {last}");
        let event = world.usage(proxy, 1).await.remove(0);
        assert_eq!(
            (&event["outcome"], &event["code"]),
            (&json!("upstream_failed"), &json!("upstream_broke")),
            "{path}"
        );
        assert!(event["output_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{event}");
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_ended() {
    let world = World::with(&[("KEYWARD_STREAM_IDLE_TIMEOUT_SECS", "1")]).start().await;
    let proxy = world.openai().await;
    let answer = world.post(&proxy, "alice", "/v1/chat/completions", &chat(3, 3_600_000)).await.expect(200);
    assert!(answer.text().contains("upstream_timeout"), "{}", answer.text());
}

#[tokio::test]
async fn a_provider_that_does_not_answer_in_time_is_504() {
    let world = World::with(&[("KEYWARD_FIRST_BYTE_TIMEOUT_SECS", "1")]).start().await;
    let proxy = world.openai().await;
    world.arm(&json!({"path_prefix": "/openai", "delay_ms": 3_600_000})).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(504).code(), "upstream_timeout");
    eventually("the provider is let go", || async { (world.seen().await[0]["aborted"] == true).then_some(()) }).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let world = World::with(&[("KEYWARD_WRITE_STALL_TIMEOUT_SECS", "1"), ("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.openai().await;
    let body = json!({"model": "tts-1", "voice": "a", "input": "x", "metadata": {"emulator_bytes": 100 << 20}});
    let response = world.call(&proxy, "alice", Method::POST, "/v1/audio/speech").await.json(&body).open().await;
    eventually("the provider sees the abort", || async { (world.seen().await[0]["aborted"] == true).then_some(()) })
        .await;
    assert_eq!(world.usage(&proxy, 1).await[0]["outcome"], "client_aborted");
    drop(response);
}

#[tokio::test]
async fn streams_still_open_at_the_end_of_the_grace_time_are_cut_and_metered() {
    let mut world = World::start().await;
    let proxy = world.openai().await;
    let mut response = open(&world, &proxy, &chat(100_000, 20)).await;
    let mut text = String::from_utf8_lossy(&response.chunk().await.expect("open").expect("an event")).into_owned();
    world.edge.process.signal("TERM");
    eventually("it says that it is not ready", || async {
        let ready = world.client.get(format!("{}/readyz", world.edge.ops)).timeout(Duration::from_secs(5)).send().await;
        ready.map_or(true, |answer| answer.status() == 503).then_some(())
    })
    .await;
    while let Ok(Some(chunk)) = response.chunk().await {
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    assert!(text.contains("shutting_down"), "the end of the stream says why");
    assert_eq!(world.edge.process.exit_code().await, 0);
    let event = world.usage(&proxy, 1).await.remove(0);
    assert_eq!(event["code"], "shutting_down");
    assert!(event["output_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{event}");
}
