//! ElevenLabs and Deepgram: sound out of text, text out of sound. Sound is made-up bytes, as long as the text has words.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::{Value, json};

use super::{parse, required};
use crate::{
    blob,
    emulator::Shared,
    failure::Failure,
    ids,
    multipart::Form,
    provider::{Native, Provider},
    reply::{Pace, count_words, number},
    sse,
};

const BYTES_PER_WORD: u64 = 4096;
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
const CHARACTER_COST: HeaderName = HeaderName::from_static("character-cost");

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/elevenlabs/v1/models", get(elevenlabs_models))
        .route("/elevenlabs/v1/text-to-speech/{voice}", post(elevenlabs_speak))
        .route("/elevenlabs/v1/text-to-speech/{voice}/stream", post(elevenlabs_speak))
        .route("/elevenlabs/v1/speech-to-text", post(elevenlabs_listen))
        .route("/deepgram/v1/models", get(deepgram_models))
        .route("/deepgram/v1/speak", post(deepgram_speak))
        .route("/deepgram/v1/listen", post(deepgram_listen))
}

/// `metadata.emulator_bytes` is its length, `metadata.emulator_delay_ms` the pause between two pieces.
fn sound(text: &str, metadata: Option<&Value>) -> Response {
    let length = number(metadata, "emulator_bytes").unwrap_or_else(|| count_words(text) * BYTES_PER_WORD);
    let body = sse::paced(blob::made_up(length.min(MAX_BYTES)), Pace::read(metadata).delay);
    ([(header::CONTENT_TYPE, "audio/mpeg")], body).into_response()
}

async fn elevenlabs_models() -> Json<Value> {
    Json(json!([{"model_id": "eleven_flash_v2_5", "name": "Eleven Flash v2.5", "can_do_text_to_speech": true}]))
}

async fn elevenlabs_speak(body: Bytes) -> Result<Response, Failure> {
    let request = parse(Native::ElevenLabs, &body)?;
    let text = required(Native::ElevenLabs, &request, "text")?;
    let mut response = sound(&text, request.get("metadata"));
    response.headers_mut().insert(CHARACTER_COST, text.chars().count().into());
    Ok(response)
}

async fn elevenlabs_listen(headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Failure> {
    let form = Form::read(&headers, &body);
    let file = form.as_ref().and_then(|form| form.part("file"));
    let Some(file) = file else {
        return Err(Provider::Native(Native::ElevenLabs).invalid("file is required").param("file"));
    };
    let text = format!("You sent {} bytes.", file.content.len());
    Ok(Json(json!({"language_code": "en", "language_probability": 1.0, "text": text, "words": []})))
}

async fn deepgram_models() -> Json<Value> {
    Json(json!({"stt": [{"name": "general", "canonical_name": "nova-3"}], "tts": [{"name": "asteria"}]}))
}

async fn deepgram_speak(body: Bytes) -> Result<Response, Failure> {
    let request = parse(Native::Deepgram, &body)?;
    let text = required(Native::Deepgram, &request, "text")?;
    Ok(sound(&text, request.get("metadata")))
}

/// Sound itself, or `{"url": …}`.
async fn deepgram_listen(headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Failure> {
    let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let transcript = if is_json {
        let request = parse(Native::Deepgram, &body)?;
        format!("You sent {}", required(Native::Deepgram, &request, "url")?)
    } else if body.is_empty() {
        let failure = Provider::Native(Native::Deepgram);
        return Err(failure.failure(StatusCode::BAD_REQUEST, "Bad Request: failed to process audio"));
    } else {
        format!("You sent {} bytes.", body.len())
    };
    let alternative = json!({"transcript": transcript, "confidence": 1.0, "words": []});
    Ok(Json(json!({
        "metadata": {"request_id": ids::id(""), "duration": 1.5, "channels": 1, "models": ["nova-3"]},
        "results": {"channels": [{"alternatives": [alternative]}]},
    })))
}
