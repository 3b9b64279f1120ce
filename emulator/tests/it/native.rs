use reqwest::Method;
use serde_json::json;

use crate::harness::Emulator;

#[tokio::test]
async fn every_provider_with_an_api_of_its_own_answers_in_its_shape() {
    let emulator = Emulator::start();
    let prediction =
        emulator.post("/replicate/v1/models/meta/llama/predictions", json!({"input": {"prompt": "hi there"}})).await;
    assert_eq!((&prediction["status"], &prediction["metrics"]["output_token_count"]), (&json!("succeeded"), &json!(4)));
    let image = emulator
        .post("/stability/v1/generation/sdxl/text-to-image", json!({"text_prompts": [{"text": "a cat"}]}))
        .await;
    assert_eq!(image["artifacts"][0]["finishReason"], "SUCCESS");
    let image = emulator.post("/fal/fal-ai/flux/dev", json!({"prompt": "a cat"})).await;
    assert!(image["images"][0]["url"].as_str().is_some_and(|url| url.starts_with("http")), "{image}");
    let heard = emulator.post("/deepgram/v1/listen?model=nova-3", json!({"url": "https://a.example/a.wav"})).await;
    assert_eq!(heard["metadata"]["duration"], 1.5);
    assert_eq!(emulator.get("/brave/res/v1/web/search?q=cats").await["query"]["original"], "cats");
    let translation = emulator.post("/deepl/v2/translate", json!({"text": ["hi"], "target_lang": "DE"})).await;
    assert_eq!(translation["translations"][0]["text"], "HI");
    let weather = emulator.get("/open-meteo/v1/forecast?latitude=52.5&longitude=13.4").await;
    assert_eq!(weather["current"]["temperature_2m"], 7.5);
}

#[tokio::test]
async fn speech_says_how_many_characters_it_cost() {
    let emulator = Emulator::start();
    let call = emulator.with_key(Method::POST, "/elevenlabs/v1/text-to-speech/voice");
    let answer = call.json(&json!({"text": "hello you"})).send().await.expect("an answer");
    assert_eq!(answer.headers()["character-cost"], "9");
    assert_eq!(answer.bytes().await.expect("sound").len(), 8192);
}

#[tokio::test]
async fn a_missing_field_is_refused_in_the_providers_shape() {
    let emulator = Emulator::start();
    for (path, pointer) in [
        ("/replicate/v1/predictions", "/detail"),
        ("/stability/v1/generation/sdxl/text-to-image", "/errors/0"),
        ("/fal/fal-ai/flux/dev", "/detail/0/msg"),
        ("/elevenlabs/v1/text-to-speech/voice", "/detail/message"),
        ("/deepgram/v1/speak", "/err_msg"),
        ("/deepl/v2/translate", "/message"),
    ] {
        let answer = emulator.with_key(Method::POST, path).json(&json!({})).send().await.expect("an answer");
        let body: serde_json::Value = serde_json::from_str(&answer.text().await.expect("a text")).expect("JSON");
        assert!(body.pointer(pointer).is_some_and(|message| message.is_string()), "{path}: {body}");
    }
}
