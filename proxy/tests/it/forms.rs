//! Forms: what a rule must read is read in them too, and all others are watched as they stream by.

use crate::harness::{Answer, Seed, Seeded, World};
use http::Method;
use keyward_domain::policy::ProxyPolicy;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const SPEECH: &str = "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nsound\r\n\u{1}";

async fn plant(world: &World, bodies: &Value) -> Seeded {
    let policy: ProxyPolicy = serde_json::from_value(json!({"bodies": bodies})).expect("a policy");
    world.plant(Seed { policy, ..world.seed("openai") }).await
}

fn field(name: &str, value: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
}

fn form(parts: &[&str]) -> String {
    parts.iter().fold(String::new(), |form, part| format!("{form}--b0und\r\n{part}\r\n")) + "--b0und--\r\n"
}

async fn transcribe(world: &World, proxy: &Seeded, form: &str) -> Answer {
    let call = world.call(proxy, "alice", Method::POST, "/v1/audio/transcriptions").await;
    call.body("multipart/form-data; boundary=b0und", form.into()).send().await
}

#[tokio::test]
async fn the_model_in_a_form_is_checked_wherever_it_stands() {
    let world = World::start().await;
    let rule = json!([{"models": ["whisper-1"], "aliases": {"ears": "whisper-1"}}]);
    let proxy = plant(&world, &rule).await;
    let good = form(&[SPEECH, &field("model", "whisper-1"), &field("language", "en")]);
    let sha256 = hex::encode(Sha256::digest(&good));
    transcribe(&world, &proxy, &good).await.expect(200);
    assert_eq!(world.seen().await[0]["body_sha256"], sha256);
    world.forget_seen().await;
    transcribe(&world, &proxy, &good.replace("whisper-1", "ears")).await.expect(200);
    assert_eq!(world.seen().await[0]["body_sha256"], sha256);
    world.forget_seen().await;
    let model = field("model", "whisper-1");
    for (parts, status, code) in [
        (vec![SPEECH.to_owned(), field("model", "gpt-4o-transcribe")], 403, "model_not_allowed"),
        (vec![SPEECH.to_owned()], 403, "model_not_allowed"),
        (vec![model.clone(), SPEECH.to_owned(), field("model", "gpt-4o-transcribe")], 400, "bad_form"),
        (vec![model.clone(), SPEECH.to_owned(), field("model[]", "gpt-4o-transcribe")], 400, "bad_form"),
        (vec![model.clone(), SPEECH.to_owned(), field("Model", "gpt-4o-transcribe")], 400, "bad_form"),
        (vec![SPEECH.to_owned(), model.replace("\"\r\n", "\"; filename=\"m\"\r\n")], 400, "bad_form"),
    ] {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let answer = transcribe(&world, &proxy, &form(&parts)).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{parts:?}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_form_that_no_rule_reads_streams_through_untouched() {
    let world = World::start().await;
    let proxy = plant(&world, &json!([{"max_output_tokens": 5}])).await;
    let sound = format!("{SPEECH}{}", "\r\n--b0un".repeat(200_000));
    let form = form(&[&sound, &field("model", "gpt-4o-transcribe")]);
    let answer = transcribe(&world, &proxy, &form).await.expect(200).json();
    let length = sound.len() - SPEECH.find("sound").expect("its content");
    assert!(answer["text"].as_str().is_some_and(|text| text.contains(&length.to_string())), "{answer}");
}

#[tokio::test]
async fn a_form_that_two_could_read_in_two_ways_is_refused_without_a_rule_too() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let model = field("model", "whisper-1");
    let good = form(&[SPEECH, &model]);
    let many: Vec<&str> = std::iter::once(SPEECH).chain(std::iter::repeat_n(model.as_str(), 40)).collect();
    for (body, content_type) in [
        (good.clone(), "multipart/form-data"),
        (good.clone(), "multipart/form-data; boundary=b0und; boundary=x"),
        (good.replace("\r\n--b0und--", "\n--b0und--"), "multipart/form-data; boundary=b0und"),
        (format!("preamble\r\n{good}"), "multipart/form-data; boundary=b0und"),
        (format!("{good}--b0und\r\n{model}\r\n--b0und--\r\n"), "multipart/form-data; boundary=b0und"),
        (good.replace("name=\"file\"", "name=\"file\"; name=\"model\""), "multipart/form-data; boundary=b0und"),
        (form(&many), "multipart/form-data; boundary=b0und"),
        (good.replace("audio/wav", &"x".repeat(5_000)), "multipart/form-data; boundary=b0und"),
    ] {
        let call = world.call(&proxy, "alice", Method::POST, "/v1/audio/transcriptions").await;
        let answer = call.body(content_type, body.clone().into()).send().await;
        let answer = answer.expect(400);
        assert_eq!(answer.code(), "bad_form", "{content_type} {}", &body[..200.min(body.len())]);
    }
    // What had begun was broken off: no form arrived whole.
    for seen in world.seen().await {
        assert_ne!(seen["status"], 200, "{seen}");
    }
}
