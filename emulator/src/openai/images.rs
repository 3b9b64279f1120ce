//! `/v1/images/generations`: always the same pixel, inline or behind an address.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::header;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;
use crate::{clock, emulator::Shared, failure::Failure, ids, provider::Provider, reply::count_words};

const MAX_IMAGES: u32 = 10;

/// A transparent PNG of one pixel.
pub const PIXEL_BASE64: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII=";

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/images/generations", post(generate))
        // Outside the provider's paths: the real addresses need no key either.
        .route("/images/{name}", get(image))
}

#[derive(Debug, Deserialize)]
struct ImageRequest {
    prompt: String,
    model: Option<String>,
    n: Option<u32>,
    response_format: Option<String>,
}

async fn generate(State(emulator): State<Shared>, body: Bytes) -> Result<Json<Value>, Failure> {
    let request: ImageRequest = parse(&body)?;
    let count = request.n.unwrap_or(1);
    if !(1..=MAX_IMAGES).contains(&count) {
        return Err(Provider::OpenAi.invalid(format!("n: from 1 to {MAX_IMAGES}.")).param("n"));
    }
    let always_inline = request.model.is_some_and(|model| model.starts_with("gpt-image"));
    let inline = always_inline || request.response_format.as_deref() == Some("b64_json");
    let images: Vec<Value> = (0..count)
        .map(|_| match inline {
            true => json!({"b64_json": PIXEL_BASE64}),
            false => json!({"url": format!("{}/images/{}.png", emulator.public_url, ids::id("img-"))}),
        })
        .collect();
    let (input_tokens, output_tokens) = (count_words(&request.prompt), 272 * u64::from(count));
    Ok(Json(json!({
        "created": clock::unix_secs(),
        "data": images,
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": {"text_tokens": input_tokens, "image_tokens": 0},
            "output_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    })))
}

async fn image() -> Response {
    let pixel = BASE64_STANDARD.decode(PIXEL_BASE64).unwrap_or_default();
    ([(header::CONTENT_TYPE, "image/png")], pixel).into_response()
}
