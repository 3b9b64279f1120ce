//! Ids in a body are seen whatever type it comes under, or it does not pass.

use crate::harness::{World, raw_call};
use http::Method;
use serde_json::json;

const FOREIGN: &str = r#"{"model":"m","input":"x","previous_response_id":"resp_of_somebody_else"}"#;

#[tokio::test]
async fn a_form_does_not_carry_ids_past_the_check() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for path in ["/v1/responses", "/v1/threads", "/v1/threads/runs", "/v1/chat/completions", "/v1/embeddings"] {
        let call = world.call(&proxy, "bob", Method::POST, path).await;
        let answer = call.body("multipart/form-data; boundary=b", FOREIGN.into()).send().await;
        assert_eq!(answer.expect(415).code(), "unsupported_media_type", "{path}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn two_content_types_are_refused_in_either_order() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let token = world.token("bob").await;
    let (json, form) = ("application/json", "multipart/form-data; boundary=b");
    for (first, second) in [(json, form), (form, json), (json, json)] {
        let request = format!(
            "POST /{}/v1/responses HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {token}\r\nContent-Type: {first}\r\n\
             Content-Type: {second}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{FOREIGN}",
            proxy.slug,
            FOREIGN.len()
        );
        let answer = raw_call(&world.edge.address, request.as_bytes()).await;
        assert_eq!(answer.expect(400).code(), "content_type_repeated", "{first}, {second}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn the_provider_is_told_the_type_under_which_the_body_was_read() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let body = json!({"model": "gpt-4o-mini", "input": "hello"}).to_string();
    for (content_type, connection) in [
        ("application/json; charset=utf-16", "x"),
        ("application/json, x/y", "x"),
        ("Application/JSON", "content-type"),
    ] {
        world.forget_seen().await;
        let call = world.call(&proxy, "alice", Method::POST, "/v1/responses").await.header("connection", connection);
        let answer = call.body(content_type, body.clone().into()).send().await;
        if content_type.contains(',') {
            assert_eq!(answer.expect(415).code(), "unsupported_media_type");
            continue;
        }
        answer.expect(200);
        assert_eq!(world.seen().await[0]["headers"]["content-type"], "application/json", "{content_type}");
    }
}

#[tokio::test]
async fn a_transcription_s_form_is_passed_on() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let form = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b\r\nContent-Disposition: \
        form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nsound\r\n--b--\r\n";
    let content_type = "multipart/form-data; boundary=b";
    let call = world.call(&proxy, "alice", Method::POST, "/v1/audio/transcriptions").await;
    call.body(content_type, form.into()).send().await.expect(200);
    assert_eq!(world.seen().await[0]["headers"]["content-type"], content_type);
}
