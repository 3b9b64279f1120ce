//! Streams of those who took over OpenAI's language, and of Cloudflare: figures at the end, an estimate where it was cut.

use crate::catalogue::premade_voices;
use crate::harness::{Seeded, World, eventually};
use http::Method;
use keyward_domain::catalogue::provider;
use keyward_domain::error_shape;
use keyward_domain::provider::StreamUsage;
use serde_json::{Value, json};

const STREAMS: [(&str, &str, u64); 13] = [
    ("azure-openai", "/openai/v1/chat/completions", 5),
    ("openrouter", "/api/v1/chat/completions", 5),
    ("groq", "/openai/v1/chat/completions", 5),
    ("mistral", "/v1/chat/completions", 5),
    ("deepseek", "/chat/completions", 5),
    ("xai", "/v1/chat/completions", 7),
    ("perplexity", "/chat/completions", 5),
    ("together", "/v1/chat/completions", 5),
    ("fireworks", "/inference/v1/chat/completions", 5),
    ("zai", "/api/paas/v4/chat/completions", 5),
    ("github-models", "/inference/chat/completions", 5),
    ("cloudflare", "/v1/chat/completions", 5),
    ("cloudflare", "/run/@cf/meta/llama-3.1-8b-instruct", 5),
];

fn chat(metadata: &Value) -> Value {
    json!({"model": "m", "stream": true, "metadata": metadata, "messages": [{"role": "user", "content": "one two three"}]})
}

#[tokio::test]
async fn a_stream_is_metered_by_its_own_figures_wherever_they_stand() {
    let world = World::start().await;
    for (name, path, output) in STREAMS {
        let proxy = world.plant(world.seed(name)).await;
        world.forget_seen().await;
        let text = world.post(&proxy, "alice", path, &chat(&json!({}))).await.expect(200).text();
        assert!(text.ends_with("data: [DONE]\n\n"), "{name}: {text}");
        let event = world.usage(&proxy, 1).await.remove(0);
        assert_eq!((&event["input_tokens"], &event["output_tokens"]), (&json!(3), &json!(output)), "{name} {event:#}");
        let asks = provider(name).expect("known").stream_usage == StreamUsage::OnRequest;
        let seen = world.seen().await.remove(0);
        assert_eq!(seen["body_json"]["stream_options"]["include_usage"] == true, asks, "{name}");
        assert!(!asks || !text.contains("\"choices\":[]"), "the chunk the client did not ask for is hidden: {text}");
    }
}

async fn read_until(world: &World, proxy: &Seeded, path: &str, mark: &str) {
    let pace = json!({"emulator_chunks": 1_000, "emulator_delay_ms": 30});
    let mut response = world.call(proxy, "alice", Method::POST, path).await.json(&chat(&pace)).open().await;
    let mut got = String::new();
    while !got.contains(mark) {
        got.push_str(&String::from_utf8_lossy(&response.chunk().await.expect("it goes on").expect("an event")));
    }
}

#[tokio::test]
async fn a_stream_that_was_left_is_metered_by_what_was_delivered() {
    let world = World::start().await;
    for (name, path, _) in STREAMS {
        let proxy = world.plant(world.seed(name)).await;
        world.forget_seen().await;
        read_until(&world, &proxy, path, "w3").await;
        eventually("the provider sees the abort", || async {
            (world.seen().await[0]["aborted"] == true).then_some(())
        })
        .await;
        let event = world.usage(&proxy, 1).await.remove(0);
        assert_eq!(event["outcome"], "client_aborted", "{name}");
        for figure in ["input_tokens", "output_tokens"] {
            assert!(event[figure].as_u64().is_some_and(|tokens| tokens > 0), "{name} {event:#}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_at_the_provider_ends_with_an_error_in_its_shape() {
    let world = World::start().await;
    world.arm(&json!({"path_prefix": "/", "reset_after_bytes": 700})).await;
    for (name, path, _) in STREAMS {
        let proxy = world.plant(world.seed(name)).await;
        let body = chat(&json!({"emulator_chunks": 100}));
        let text = world.post(&proxy, "alice", path, &body).await.expect(200).text();
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let data = last.strip_prefix("data: ").unwrap_or_else(|| panic!("{name}: {last}"));
        let error: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(error_shape::code_in(&error), Some("upstream_broke"), "{name}: {error}");
        let event = world.usage(&proxy, 1).await.remove(0);
        assert_eq!(event["outcome"], "upstream_failed", "{name}");
        assert!(event["output_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{name} {event:#}");
    }
}

#[tokio::test]
async fn no_tokens_are_made_up_for_sound() {
    let world = World::start().await;
    world.arm(&premade_voices()).await;
    let (openai, elevenlabs) = (world.openai().await, world.plant(world.seed("elevenlabs")).await);
    let pace = json!({"emulator_bytes": 100 << 20, "emulator_delay_ms": 30});
    for (proxy, path, body) in [
        (&openai, "/v1/audio/speech", json!({"model": "tts-1", "voice": "a", "input": "hi", "metadata": pace})),
        (&elevenlabs, "/v1/text-to-speech/v/stream", json!({"text": "hi", "metadata": pace})),
    ] {
        world.forget_seen().await;
        let mut response = world.call(proxy, "alice", Method::POST, path).await.json(&body).open().await;
        response.chunk().await.expect("it goes on").expect("sound");
        drop(response);
        let event = world.usage(proxy, 1).await.remove(0);
        assert_eq!((&event["outcome"], &event["output_tokens"]), (&json!("client_aborted"), &Value::Null), "{path}");
    }
    let speech = world.post(&elevenlabs, "alice", "/v1/text-to-speech/v", &json!({"text": "hello"})).await.expect(200);
    assert_eq!(speech.header("character-cost"), Some("5"));
}

#[tokio::test]
async fn sound_and_forms_reach_those_who_take_them_byte_for_byte() {
    let world = World::start().await;
    let form = "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na lighthouse\r\n--b\r\nContent-Disposition: \
        form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\u{0}\u{1}\r\n--b--\r\n";
    for (name, path, media_type, body) in [
        ("deepgram", "/v1/listen?model=nova-3", "audio/wav", vec![0, 159, 146, 150, 13, 10]),
        ("stability", "/v2beta/stable-image/generate/core", "multipart/form-data; boundary=b", form.into()),
        ("elevenlabs", "/v1/speech-to-text", "multipart/form-data; boundary=b", form.into()),
        ("deepl", "/v2/translate", "application/x-www-form-urlencoded", b"text=hello&target_lang=DE".to_vec()),
    ] {
        let proxy = world.plant(world.seed(name)).await;
        world.forget_seen().await;
        let (sent, call) = (body.len(), world.call(&proxy, "alice", Method::POST, path).await);
        call.body(media_type, body).send().await.expect(200);
        assert_eq!(world.seen().await[0]["body_len"], json!(sent), "{name}");
    }
}

#[tokio::test]
async fn a_model_in_the_path_is_not_outdone_by_one_in_the_body() {
    let world = World::start().await;
    let gemini = world.plant(world.seed("gemini")).await;
    let body = json!({"model": "gemini-2.0-flash-lite", "contents": [{"parts": [{"text": "one two three"}]}]});
    world.post(&gemini, "alice", "/v1beta/models/unheard-of:generateContent", &body).await.expect(200);
    let event = world.usage(&gemini, 1).await.remove(0);
    assert_eq!((&event["model"], &event["cost_micro_usd"]), (&json!("unheard-of"), &Value::Null));
}
