use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Emulator, KEY};

#[tokio::test]
async fn chat_answers_whole() {
    let emulator = Emulator::start();
    let body = json!({"model": "m", "n": 2, "messages": [{"role": "user", "content": "hi there"}]});
    let answer = emulator.post("/openai/v1/chat/completions", body).await;
    assert_eq!(answer["choices"][1]["message"]["content"], "You said: hi there");
    assert_eq!(answer["usage"]["total_tokens"], 10);
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
}

#[tokio::test]
async fn embeddings_come_as_floats_and_as_base64() {
    let emulator = Emulator::start();
    let body = json!({"model": "text-embedding-3-small", "input": ["a b", "c"], "dimensions": 8});
    let floats = emulator.post("/openai/v1/embeddings", body).await;
    assert_eq!(floats["data"][1]["embedding"].as_array().map(Vec::len), Some(8));
    assert_eq!(floats["usage"]["prompt_tokens"], 3);
    let body = json!({"model": "m", "input": "a b", "encoding_format": "base64"});
    let encoded = emulator.post("/openai/v1/embeddings", body).await;
    assert_eq!(encoded["data"][0]["embedding"].as_str().map(str::len), Some(1536 * 4 / 3 * 4));
}

#[tokio::test]
async fn speech_is_as_long_as_it_was_asked_for() {
    let emulator = Emulator::start();
    let body = json!({"model": "tts-1", "voice": "a", "input": "x", "metadata": {"emulator_bytes": "3000000"}});
    let answer = emulator.with_key(Method::POST, "/openai/v1/audio/speech").json(&body).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "audio/mpeg");
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(bytes.len(), 3_000_000);
    assert!(bytes.iter().enumerate().all(|(position, byte)| usize::from(*byte) == position % 251));
}

#[tokio::test]
async fn the_smaller_routes_answer() {
    let emulator = Emulator::start();
    let flagged = emulator.post("/openai/v1/moderations", json!({"input": "an emulator-flag"})).await;
    assert_eq!(flagged["results"][0]["flagged"], true);
    let image = emulator.post("/openai/v1/images/generations", json!({"model": "dall-e-3", "prompt": "a cat"})).await;
    let answer = emulator.client.get(image["data"][0]["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    let assistant = emulator.post("/openai/v1/assistants", json!({"model": "m", "name": "first"})).await;
    let path = format!("/openai/v1/assistants/{}", assistant["id"].as_str().unwrap());
    assert_eq!(emulator.post(&path, json!({"name": "second"})).await["name"], "second");
    assert_eq!(emulator.get("/openai/v1/assistants").await["data"][0]["name"], "second");

    let prompt = json!({"model": "m", "messages": [{"role": "user", "content": "one two"}]});
    assert_eq!(emulator.post("/anthropic/v1/messages/count_tokens", prompt).await["input_tokens"], 2);
    let contents = json!({"contents": [{"parts": [{"text": "one two three"}]}]});
    let path = "/gemini/v1beta/models/gemini-2.5-flash";
    assert_eq!(emulator.post(&format!("{path}:countTokens"), contents.clone()).await["totalTokens"], 3);
    let whole = emulator.post(&format!("{path}:generateContent"), contents).await;
    assert_eq!(whole["candidates"][0]["content"]["parts"][0]["text"], "You said: one two three");
    let embedding =
        emulator.post(&format!("{path}:embedContent"), json!({"content": {"parts": [{"text": "a"}]}})).await;
    assert_eq!(embedding["embedding"]["values"].as_array().map(Vec::len), Some(3072));
}

#[tokio::test]
async fn anthropic_demands_a_version() {
    let emulator = Emulator::start();
    let answer = emulator.request(Method::GET, "/anthropic/v1/models").header("x-api-key", KEY).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["error"]["message"], "anthropic-version: header is required");
}

#[tokio::test]
async fn unknown_paths_fail_in_the_shape_of_the_provider() {
    let emulator = Emulator::start();
    for (path, place) in [
        ("/openai/v1/unknown", "/error/message"),
        ("/anthropic/v1/unknown", "/error/type"),
        ("/gemini/unknown", "/error/status"),
    ] {
        let answer = emulator.with_key(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert!(body.pointer(place).is_some(), "{body}");
    }
}

#[tokio::test]
async fn echo_answers_what_reached_it_without_the_key() {
    let emulator = Emulator::start();
    let request = emulator.request(Method::PUT, "/echo/v2/things?x=1").header("x-their-key", KEY).body("abc");
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(body["method"], "PUT");
    assert_eq!(body["path"], "/echo/v2/things");
    assert_eq!(body["query"], "x=1");
    assert_eq!(body["headers"]["x-their-key"], "[key]");
    assert_eq!(body["body_sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
