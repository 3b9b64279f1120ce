use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Emulator;

const CHATS: [&str; 15] = [
    "/azure-openai/openai/deployments/m/chat/completions?api-version=2024-10-21",
    "/azure-openai/openai/v1/chat/completions",
    "/openrouter/api/v1/chat/completions",
    "/groq/openai/v1/chat/completions",
    "/mistral/v1/chat/completions",
    "/deepseek/chat/completions",
    "/deepseek/v1/chat/completions",
    "/xai/v1/chat/completions",
    "/perplexity/chat/completions",
    "/together/v1/chat/completions",
    "/fireworks/inference/v1/chat/completions",
    "/zai/api/paas/v4/chat/completions",
    "/github-models/inference/chat/completions",
    "/cloudflare/v1/chat/completions",
    "/cloudflare/run/@cf/meta/m",
];

fn chat(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hi there"}]})
}

async fn text(emulator: &Emulator, path: &str, body: &Value) -> (u16, String) {
    let answer = emulator.with_key(Method::POST, path).json(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a text"))
}

#[tokio::test]
async fn every_dialect_chats_whole_and_in_events() {
    let emulator = Emulator::start();
    for path in CHATS {
        let (status, whole) = text(&emulator, path, &chat(false)).await;
        assert!(status == 200 && whole.contains("You said: hi there"), "{path}: {whole}");
        assert!(whole.contains("\"completion_tokens\":4"), "{path}: {whole}");
        let (status, events) = text(&emulator, path, &chat(true)).await;
        assert!(status == 200 && events.ends_with("data: [DONE]\n\n"), "{path}: {events}");
        assert!(events.contains(" there"), "{path}: {events}");
    }
}

#[tokio::test]
async fn a_stream_says_what_it_used_where_the_provider_does() {
    let emulator = Emulator::start();
    let mut asking = chat(true);
    asking["stream_options"] = json!({"include_usage": true});
    for (path, unasked, asked) in [
        ("/deepseek/chat/completions", 0, 1),
        ("/github-models/inference/chat/completions", 0, 1),
        ("/groq/openai/v1/chat/completions", 1, 2),
        ("/together/v1/chat/completions", 1, 1),
        ("/perplexity/chat/completions", 6, 6),
    ] {
        let count = |events: &str| events.matches("prompt_tokens\"").count();
        assert_eq!(count(&text(&emulator, path, &chat(true)).await.1), unasked, "{path}");
        assert_eq!(count(&text(&emulator, path, &asking).await.1), asked, "{path}");
    }
    let (status, refusal) = text(&emulator, "/mistral/v1/chat/completions", &asking).await;
    assert!(status == 422 && refusal.contains("extra_forbidden"), "{refusal}");
}

#[tokio::test]
async fn every_dialect_fails_in_its_own_shape() {
    let emulator = Emulator::start();
    for (path, pointer) in [
        ("/xai/v1/chat/completions", "/error"),
        ("/openrouter/api/v1/chat/completions", "/error/message"),
        ("/mistral/v1/chat/completions", "/message"),
        ("/cloudflare/v1/chat/completions", "/errors/0/message"),
        ("/groq/openai/v1/chat/completions", "/error/message"),
    ] {
        let (status, body) = text(&emulator, path, &json!({"model": "m"})).await;
        let body: Value = serde_json::from_str(&body).expect("JSON");
        assert!(status == 400 && body.pointer(pointer).is_some_and(Value::is_string), "{path}: {body}");
    }
}
