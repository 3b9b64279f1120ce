use reqwest::Method;
use serde_json::json;

use crate::harness::Emulator;

#[tokio::test]
async fn lists_requests_without_the_key() {
    let emulator = Emulator::start();
    emulator.post("/openai/v1/moderations?a=b", json!({"input": "x"})).await;
    let seen = emulator.control(Method::GET, "/_seen", None).await;
    assert_eq!(seen["total"], 1);
    let request = &seen["requests"][0];
    assert_eq!(request["method"], "POST");
    assert_eq!(request["path"], "/openai/v1/moderations");
    assert_eq!(request["query"], "a=b");
    assert_eq!(request["headers"]["authorization"], "Bearer [key]");
    assert_eq!(request["body_json"], json!({"input": "x"}));
    assert_eq!(request["body_len"], 13);
    assert_eq!((request["status"].as_u64(), request["aborted"].as_bool()), (Some(200), Some(false)));
    assert!(request["bytes_sent"].as_u64().is_some_and(|sent| sent > 100));
}

#[tokio::test]
async fn lists_what_came_since_and_forgets_on_demand() {
    let emulator = Emulator::start();
    for _ in 0..3 {
        emulator.get("/openai/v1/models").await;
    }
    let seen = emulator.control(Method::GET, "/_seen?since=2", None).await;
    assert_eq!((seen["total"].as_u64(), seen["requests"].as_array().map(Vec::len)), (Some(3), Some(1)));
    let count = emulator.control(Method::GET, "/_seen/count", None).await;
    assert_eq!(count, json!({"total": 3, "in_flight": 0, "aborted": 0}));
    emulator.control(Method::DELETE, "/_seen", None).await;
    assert_eq!(emulator.control(Method::GET, "/_seen/count", None).await["total"], 0);
}

#[tokio::test]
async fn notices_a_client_that_goes_away_in_the_stream() {
    let emulator = Emulator::start();
    let body = json!({
        "model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "1000", "emulator_delay_ms": "10"},
    });
    let request = emulator.with_key(Method::POST, "/openai/v1/chat/completions").json(&body);
    let mut answer = request.send().await.unwrap();
    let first = answer.chunk().await.unwrap().map_or(0, |chunk| chunk.len());
    drop(answer);
    let seen = emulator.last_seen(|seen| seen["aborted"] == true).await;
    assert!(seen["bytes_sent"].as_u64() >= Some(first as u64));
}

#[tokio::test]
async fn notices_a_client_that_goes_away_before_the_answer() {
    let emulator = Emulator::start();
    let body = json!({"model": "emulator-fault:delay=60000", "messages": []});
    let request = emulator.with_key(Method::POST, "/openai/v1/chat/completions").json(&body);
    let waiting = tokio::spawn(request.send());
    emulator.last_seen(|seen| seen["path"] == "/openai/v1/chat/completions").await;
    waiting.abort();
    let seen = emulator.last_seen(|seen| seen["aborted"] == true).await;
    assert!(seen["status"].is_null());
}
