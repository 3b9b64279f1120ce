//! `/v1/audio`: speech is a large binary reply, transcription takes a large form.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;
use crate::{
    blob,
    emulator::Shared,
    failure::Failure,
    multipart::Form,
    provider::Provider,
    reply::{Pace, count_words, number},
    sse,
};

const BYTES_PER_WORD: u64 = 4096;
const MAX_SPEECH_BYTES: u64 = 1024 * 1024 * 1024;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/audio/speech", post(speak))
        .route("/openai/v1/audio/transcriptions", post(transcribe))
        .route("/openai/v1/audio/translations", post(transcribe))
}

#[derive(Debug, Deserialize)]
struct SpeechRequest {
    input: String,
    response_format: Option<String>,
    metadata: Option<Value>,
}

/// `metadata.emulator_bytes` is the length of the reply; else it follows from the words of the input.
async fn speak(body: Bytes) -> Result<Response, Failure> {
    let request: SpeechRequest = parse(&body)?;
    let length = number(request.metadata.as_ref(), "emulator_bytes")
        .unwrap_or_else(|| count_words(&request.input) * BYTES_PER_WORD)
        .min(MAX_SPEECH_BYTES);
    let content_type = match request.response_format.as_deref() {
        Some("opus") => "audio/ogg",
        Some("aac") => "audio/aac",
        Some("flac") => "audio/flac",
        Some("wav") => "audio/wav",
        Some("pcm") => "audio/pcm",
        _ => "audio/mpeg",
    };
    let delay = Pace::read(request.metadata.as_ref()).delay;
    Ok(([(header::CONTENT_TYPE, content_type)], sse::paced(blob::made_up(length), delay)).into_response())
}

async fn transcribe(headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
    let form = Form::read(&headers, &body).ok_or_else(|| Provider::OpenAi.invalid("The form cannot be read."))?;
    let required =
        |name: &'static str| Provider::OpenAi.invalid(format!("'{name}' is a required property")).param(name);
    let file = form.part("file").ok_or_else(|| required("file"))?;
    form.text("model").ok_or_else(|| required("model"))?;

    let name = file.filename.as_deref().unwrap_or("audio");
    let text = format!("You sent {} bytes named {name}.", file.content.len());
    let tokens = count_words(&text);
    Ok(match form.text("response_format").unwrap_or("json") {
        "text" => format!("{text}\n").into_response(),
        "srt" => format!("1\n00:00:00,000 --> 00:00:01,000\n{text}\n\n").into_response(),
        "vtt" => format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n\n").into_response(),
        "verbose_json" => Json(json!({
            "task": "transcribe", "language": "english", "duration": 1.0, "text": text,
            "segments": [{"id": 0, "start": 0.0, "end": 1.0, "text": text}],
            "usage": {"type": "duration", "seconds": 1},
        }))
        .into_response(),
        _ => Json(json!({
            "text": text,
            "usage": {"type": "tokens", "input_tokens": 10, "output_tokens": tokens, "total_tokens": 10 + tokens},
        }))
        .into_response(),
    })
}
