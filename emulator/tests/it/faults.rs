use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Emulator, KEY};

const CHAT: &str = "/openai/v1/chat/completions";

async fn arm(emulator: &Emulator, rules: Value) {
    emulator.control(Method::POST, "/_faults", Some(rules)).await;
}

fn prompt() -> Value {
    json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hello world"}]})
}

#[tokio::test]
async fn a_status_is_played_once() {
    let emulator = Emulator::start();
    arm(&emulator, json!({"path_prefix": CHAT, "times": 1, "status": 503, "headers": {"retry-after": "7"}})).await;
    let answer = emulator.with_key(Method::POST, CHAT).json(&prompt()).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["type"], "server_error");
    assert_eq!(emulator.with_key(Method::POST, CHAT).json(&prompt()).send().await.unwrap().status(), 200);
    assert_eq!(emulator.control(Method::GET, "/_faults", None).await["faults"][0]["hits"], 1);
}

#[tokio::test]
async fn a_reset_breaks_the_stream_after_its_bytes() {
    let emulator = Emulator::start();
    arm(&emulator, json!([{"path_prefix": CHAT, "reset_after_bytes": 300}])).await;
    let mut answer = emulator.with_key(Method::POST, CHAT).json(&prompt()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut received = 0;
    let error = loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => received += bytes.len(),
            Ok(None) => panic!("the stream ended cleanly after {received} bytes"),
            Err(error) => break error,
        }
    };
    assert_eq!(received, 300, "{error}");
    let seen = emulator.last_seen(|seen| seen["finished"] == true).await;
    assert_eq!((seen["aborted"].as_bool(), seen["bytes_sent"].as_u64()), (Some(false), Some(300)));
}

#[tokio::test]
async fn a_trickle_changes_the_pieces_but_not_the_bytes() {
    let emulator = Emulator::start();
    let file = "/openai/v1/models";
    let whole = emulator.get(file).await;
    arm(&emulator, json!([{"path_prefix": file, "trickle": {"bytes": 100, "every_ms": 1}, "first_byte_delay_ms": 5}]))
        .await;
    assert_eq!(emulator.get(file).await, whole);
}

#[tokio::test]
async fn the_key_is_echoed_on_demand() {
    let emulator = Emulator::start();
    arm(&emulator, json!([{"path_prefix": "/anthropic", "echo_key": true, "times": 1}])).await;
    let answer = emulator.with_key(Method::GET, "/anthropic/v1/models").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.text().await.unwrap().contains(KEY));

    let rule = json!({"path_prefix": "/echo", "status": 200, "echo_key": true, "body": "used {key} twice: {key}"});
    arm(&emulator, rule).await;
    let answer = emulator.with_key(Method::GET, "/echo/x").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), format!("used {KEY} twice: {KEY}"));
}

#[tokio::test]
async fn a_request_can_carry_its_own_fault() {
    let emulator = Emulator::start();
    let body = json!({"model": "emulator-fault:status=429,retry_after=3", "messages": []});
    let answer = emulator.with_key(Method::POST, CHAT).json(&body).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (429, &b"3"[..]));
}

#[tokio::test]
async fn the_issuer_can_be_down() {
    let emulator = Emulator::start();
    let keys = "/.well-known/jwks.json";
    arm(&emulator, json!([{"path_prefix": keys, "status": 500}])).await;
    assert_eq!(emulator.request(Method::GET, keys).send().await.unwrap().status(), 500);
    emulator.control(Method::DELETE, "/_faults", None).await;
    assert_eq!(emulator.request(Method::GET, keys).send().await.unwrap().status(), 200);
    assert_eq!(emulator.control(Method::GET, "/_jwks_hits", None).await["total"], 2);
}

#[tokio::test]
async fn a_fault_never_hides_a_leak() {
    let emulator = Emulator::start();
    arm(&emulator, json!([{"path_prefix": "/openai", "status": 503}])).await;
    let answer = emulator.with_key(Method::GET, "/openai/v1/models").header("cookie", "a=b").send().await.unwrap();
    assert_eq!(answer.status(), 400);
}

#[tokio::test]
async fn a_rule_with_a_mistake_is_refused() {
    let emulator = Emulator::start();
    for rules in [json!([{"status": 503}]), json!({"path_prefix": "/", "stat": 503})] {
        let answer = emulator.request(Method::POST, "/_faults").json(&rules).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{rules}");
    }
}
