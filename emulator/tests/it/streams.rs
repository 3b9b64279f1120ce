use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Emulator, events};

async fn stream(emulator: &Emulator, path: &str, body: Value) -> Vec<Value> {
    let answer = emulator.with_key(Method::POST, path).json(&body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().expect("text").starts_with("text/event-stream"));
    events(&answer.text().await.expect("an answer"))
}

fn joined<'a>(events: &'a [Value], pointer: &str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect::<Vec<&'a str>>().concat()
}

#[tokio::test]
async fn chat_streams_words_and_the_usage_when_asked_for() {
    let emulator = Emulator::start();
    let body = json!({
        "model": "any-model", "stream": true, "stream_options": {"include_usage": true},
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hello big world"}],
    });
    let events = stream(&emulator, "/openai/v1/chat/completions", body).await;
    assert_eq!(joined(&events, "/choices/0/delta/content"), "You said: hello big world");
    assert_eq!(events[events.len() - 1], "[DONE]");
    let usage = &events[events.len() - 2];
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["prompt_tokens"], 5);
    assert_eq!(usage["usage"]["completion_tokens"], 5);
    assert_eq!(usage["model"], "any-model");
    assert_eq!(events[events.len() - 3]["choices"][0]["finish_reason"], "stop");
    assert!(events[0].get("usage").is_some_and(Value::is_null));
}

#[tokio::test]
async fn chat_streams_no_usage_when_not_asked_for() {
    let emulator = Emulator::start();
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let events = stream(&emulator, "/openai/v1/chat/completions", body).await;
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn chat_counts_chunks_and_respects_the_limit() {
    let emulator = Emulator::start();
    let body = json!({
        "model": "m", "stream": true, "max_completion_tokens": 3, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "5", "emulator_delay_ms": "1"},
    });
    let events = stream(&emulator, "/openai/v1/chat/completions", body).await;
    assert_eq!(joined(&events, "/choices/0/delta/content"), "w1 w2 w3");
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn responses_stream_ends_with_the_stored_response() {
    let emulator = Emulator::start();
    let body = json!({"model": "m", "stream": true, "instructions": "Be kind.", "input": "hello world"});
    let events = stream(&emulator, "/openai/v1/responses", body).await;
    assert_eq!(events[0]["type"], "response.created");
    assert_eq!(joined(&events, "/delta"), "You said: hello world");
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["sequence_number"].as_u64()).collect();
    assert!(numbers.iter().copied().eq(0..events.len() as u64), "{numbers:?}");

    let last = &events[events.len() - 1];
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["usage"]["input_tokens"], 4);
    assert_eq!(last["response"]["usage"]["output_tokens"], 4);
    let path = format!("/openai/v1/responses/{}", last["response"]["id"].as_str().unwrap());
    assert_eq!(emulator.get(&path).await, last["response"]);
    let items = emulator.get(&format!("{path}/input_items")).await;
    assert_eq!(items["data"][0]["content"][0]["text"], "hello world");
}

#[tokio::test]
async fn anthropic_streams_its_events_in_order() {
    let emulator = Emulator::start();
    let body = json!({
        "model": "claude", "max_tokens": 3, "stream": true, "system": "Be kind.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hello world"}]}],
    });
    let events = stream(&emulator, "/anthropic/v1/messages", body).await;
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let deltas = ["content_block_delta"; 3];
    let expected = [
        &["message_start", "content_block_start", "ping"][..],
        &deltas[..],
        &["content_block_stop", "message_delta", "message_stop"][..],
    ];
    assert_eq!(types, expected.concat());
    assert_eq!(events[0]["message"]["usage"]["input_tokens"], 4);
    assert_eq!(joined(&events, "/delta/text"), "You said: hello");
    assert_eq!(events[7]["usage"]["output_tokens"], 3);
    assert_eq!(events[7]["delta"]["stop_reason"], "max_tokens");
}

#[tokio::test]
async fn gemini_streams_as_events_and_as_an_array() {
    let emulator = Emulator::start();
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "hello world"}]}]});
    let path = "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent";
    let as_events = stream(&emulator, &format!("{path}?alt=sse"), body.clone()).await;
    let as_array = emulator.post(path, body).await;
    for chunks in [&as_events, as_array.as_array().unwrap()] {
        assert_eq!(joined(chunks, "/candidates/0/content/parts/0/text"), "You said: hello world");
        let counts: Vec<u64> =
            chunks.iter().filter_map(|chunk| chunk["usageMetadata"]["candidatesTokenCount"].as_u64()).collect();
        assert_eq!(counts, [1, 2, 3, 4]);
        assert_eq!(chunks[3]["candidates"][0]["finishReason"], "STOP");
        assert_eq!(chunks[3]["usageMetadata"]["totalTokenCount"], 6);
    }
}
