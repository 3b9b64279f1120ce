use reqwest::Method;
use serde_json::json;

use crate::harness::{Emulator, json};

#[tokio::test]
async fn a_run_answers_the_thread_when_it_is_polled() {
    let emulator = Emulator::start();
    let thread = emulator.post("/openai/v1/threads", json!({"messages": [{"role": "user", "content": "hello"}]})).await;
    let path = format!("/openai/v1/threads/{}", thread["id"].as_str().unwrap());
    let run = emulator.post(&format!("{path}/runs"), json!({"assistant_id": "asst_1"})).await;
    assert_eq!(run["status"], "queued");
    let run_path = format!("{path}/runs/{}", run["id"].as_str().unwrap());
    let run = emulator.get(&run_path).await;
    assert_eq!(run["status"], "completed");
    assert_eq!(run["usage"], json!({"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}));

    let messages = emulator.get(&format!("{path}/messages")).await;
    assert_eq!(messages["data"][0]["content"][0]["text"]["value"], "You said: hello");
    assert_eq!(messages["data"][1]["role"], "user");
    let steps = emulator.get(&format!("{run_path}/steps")).await;
    assert_eq!(steps["data"][0]["step_details"]["message_creation"]["message_id"], messages["data"][0]["id"]);
}

#[tokio::test]
async fn a_queued_run_can_be_cancelled_once() {
    let emulator = Emulator::start();
    let run = emulator.post("/openai/v1/threads/runs", json!({"assistant_id": "asst_1"})).await;
    let (thread, run) = (run["thread_id"].as_str().unwrap(), run["id"].as_str().unwrap());
    let path = format!("/openai/v1/threads/{thread}/runs/{run}/cancel");
    assert_eq!(emulator.post(&path, json!({})).await["status"], "cancelled");
    assert_eq!(emulator.with_key(Method::POST, &path).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn threads_are_changed_and_deleted() {
    let emulator = Emulator::start();
    let thread = json(emulator.with_key(Method::POST, "/openai/v1/threads").send().await.unwrap()).await;
    let path = format!("/openai/v1/threads/{}", thread["id"].as_str().unwrap());
    emulator.post(&path, json!({"metadata": {"a": "b"}})).await;
    assert_eq!(emulator.get(&path).await["metadata"], json!({"a": "b"}));
    json(emulator.with_key(Method::DELETE, &path).send().await.unwrap()).await;
    assert_eq!(emulator.with_key(Method::GET, &path).send().await.unwrap().status(), 404);
}
