//! Body rules through the real edge: what the provider received, byte for byte, and that it received nothing at all of
//! what was refused.

use crate::harness::{Answer, Seed, Seeded, World};
use http::Method;
use keyward_domain::policy::ProxyPolicy;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

async fn plant(world: &World, provider: &'static str, bodies: &Value) -> Seeded {
    let policy: ProxyPolicy = serde_json::from_value(json!({"bodies": bodies})).expect("a policy");
    world.plant(Seed { policy, ..world.seed(provider) }).await
}

async fn send(world: &World, proxy: &Seeded, path: &str, body: &str) -> Answer {
    let call = world.call(proxy, "alice", Method::POST, path).await;
    call.body("application/json", body.into()).send().await
}

/// The one request that reached the provider.
async fn received(world: &World) -> Value {
    let mut seen = world.seen().await;
    assert_eq!(seen.len(), 1, "{seen:#?}");
    world.forget_seen().await;
    seen.remove(0)
}

fn sha256(body: &str) -> Value {
    json!(hex::encode(Sha256::digest(body)))
}

#[tokio::test]
async fn the_provider_gets_the_body_as_the_rule_has_it_and_every_other_byte_as_it_came() {
    let world = World::start().await;
    let rule = json!([{"models": ["gpt-4o-mini"], "aliases": {"fast": "gpt-4o-mini"}, "max_output_tokens": 50,
        "max_choices": 1, "system_prompt": {"kind": "pinned", "text": "Be kind."}}]);
    let proxy = plant(&world, "openai", &rule).await;
    let body = "{ \"temperature\": 1.50e0,\n\"messages\" : [ {\"role\":\"user\",\"content\":\"h\\u0069\"} ], \"n\":3, \"model\":\"fast\" }\n";
    send(&world, &proxy, "/v1/chat/completions", body).await.expect(200);
    let sent = "{ \"temperature\": 1.50e0,\n\"messages\" : [{\"role\":\"system\",\"content\":\"Be kind.\"}, {\"role\":\"user\",\"content\":\"h\\u0069\"} ], \"n\":1, \"model\":\"gpt-4o-mini\",\"max_completion_tokens\":50 }\n";
    let seen = received(&world).await;
    assert_eq!(seen["body_sha256"], sha256(sent), "{seen:#}");
    let event = &world.usage(&proxy, 1).await[0];
    assert!(event["model"].as_str().is_some_and(|model| model.starts_with("gpt-4o-mini")), "{event}");
}

#[tokio::test]
async fn a_refused_body_never_reaches_the_provider() {
    let world = World::start().await;
    let rule = json!([{"models": ["gpt-4o-mini"], "tools": {"kind": "none"}, "modalities": ["text"], "max_messages": 1,
        "max_chars": 60, "system_prompt": {"kind": "forbidden"}}]);
    let proxy = plant(&world, "openai", &rule).await;
    let long = format!(r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(61));
    for (body, status, code) in [
        (r#"{"model":"gpt-4o","messages":[]}"#, 403, "model_not_allowed"),
        (r#"{"messages":[]}"#, 403, "model_not_allowed"),
        (r#"{"model":"gpt-4o-mini","tools":[{"type":"function"}]}"#, 403, "tool_not_allowed"),
        (r#"{"model":"gpt-4o-mini","modalities":["audio"]}"#, 403, "modality_not_allowed"),
        (r#"{"model":"gpt-4o-mini","messages":[{"role":"system"}]}"#, 403, "system_prompt_not_allowed"),
        (r#"{"model":"gpt-4o-mini","messages":[{},{}]}"#, 400, "too_many_messages"),
        (&long, 413, "body_text_too_long"),
        (r#"{"model":["gpt-4o-mini"]}"#, 400, "body_field_unreadable"),
        (r#"{"model":"gpt-4o-mini","model":"gpt-4o"}"#, 400, "bad_body"),
        ("[]", 400, "body_field_unreadable"),
        ("", 400, "body_field_unreadable"),
    ] {
        let answer = send(&world, &proxy, "/v1/chat/completions", body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{body}");
    }
    let event = &world.usage(&proxy, 11).await[0];
    assert_eq!((&event["code"], &event["outcome"]), (&json!("model_not_allowed"), &json!("rejected")));
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_body_that_a_rule_cannot_read_does_not_go_around_it() {
    let world = World::start().await;
    let proxy = plant(&world, "openai", &json!([{"models": ["gpt-4o-mini-tts"]}])).await;
    let body = r#"{"model":"tts-1-hd","input":"x","voice":"a"}"#;
    assert_eq!(send(&world, &proxy, "/v1/audio/speech", body).await.expect(403).code(), "model_not_allowed");
    for media_type in ["text/plain", "application/octet-stream", "application/x-www-form-urlencoded"] {
        let call = world.call(&proxy, "alice", Method::POST, "/v1/audio/speech").await;
        let answer = call.body(media_type, body.into()).send().await;
        assert_eq!(answer.expect(415).code(), "unsupported_media_type", "{media_type}");
    }
    world.assert_unseen().await;
    send(&world, &proxy, "/v1/audio/speech", &body.replace("tts-1-hd", "gpt-4o-mini-tts")).await.expect(200);
}

#[tokio::test]
async fn geminis_model_is_mapped_in_the_path_and_clamped_under_either_name() {
    let world = World::start().await;
    let rule =
        json!([{"models": ["gemini-2.5-flash"], "aliases": {"fast": "gemini-2.5-flash"}, "max_output_tokens": 9}]);
    let proxy = plant(&world, "gemini", &rule).await;
    let body = r#"{"contents":[{"parts":[{"text":"hi"}]}],"generation_config":{"max_output_tokens":900}}"#;
    send(&world, &proxy, "/v1beta/models/fast:generateContent", body).await.expect(200);
    let seen = received(&world).await;
    assert_eq!(seen["path"], "/gemini/v1beta/models/gemini-2.5-flash:generateContent");
    assert_eq!(seen["body_sha256"], sha256(&body.replace("900", "9")), "{seen:#}");
    for path in ["/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-2.5-pro:countTokens"] {
        assert_eq!(send(&world, &proxy, path, body).await.expect(403).code(), "model_not_allowed");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_user_has_one_name_at_the_provider_and_cannot_take_anothers() {
    let world = World::start().await;
    let proxy = plant(&world, "anthropic", &json!([{"end_user": "hashed"}])).await;
    let body = json!({"model": "claude-haiku-4-5", "max_tokens": 9, "metadata": {"user_id": "bob"},
        "messages": [{"role": "user", "content": "hi"}]});
    let mut names = Vec::new();
    for user in ["alice", "alice", "bob"] {
        let request = world.client.post(world.url(&proxy, "/v1/messages")).header("x-api-key", world.token(user).await);
        world.send(request.header("anthropic-version", "2023-06-01").json(&body)).await.expect(200);
        let sent = received(&world).await["body_json"].take();
        names.push(sent["metadata"]["user_id"].as_str().expect("a name").to_owned());
    }
    assert_eq!(names[0], names[1]);
    assert_ne!(names[0], names[2]);
    assert!(names.iter().all(|name| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit())), "{names:?}");
}

#[tokio::test]
async fn rules_that_cannot_be_read_open_nothing() {
    let world = World::start().await;
    let proxy = plant(&world, "openai", &json!([{"endpoint": "POST no path", "models": ["gpt-4o-mini"]}])).await;
    let answer = send(&world, &proxy, "/v1/chat/completions", r#"{"model":"gpt-4o-mini"}"#).await;
    assert_eq!(answer.expect(404).code(), "unknown_proxy");
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_small_body_of_very_many_values_is_refused_unread() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let body = format!("{{\"model\":\"m\",\"messages\":[{}]}}", vec!["{\"\":0}"; 500_000].join(","));
    let call = world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await;
    let answer = call.body("application/json", body.into_bytes()).send().await.expect(400);
    assert_eq!(answer.code(), "bad_body");
    world.assert_unseen().await;
    let peak_mib = world.edge.process.peak_memory_kib() >> 10;
    assert!(peak_mib < 250, "{peak_mib} MiB");
}
