//! Stability and fal: always the same pixel, as bytes, inline or behind an address.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::{parse, required};
use crate::{
    emulator::Shared,
    failure::Failure,
    multipart::Form,
    openai::PIXEL_BASE64,
    provider::{Native, Provider},
};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/stability/v1/engines/list", get(engines))
        .route("/stability/v1/generation/{engine}/text-to-image", post(text_to_image))
        .route("/stability/v2beta/stable-image/generate/{kind}", post(generate))
        .route("/fal/fal-ai/{*app}", post(fal))
}

async fn engines() -> Json<Value> {
    let id = "stable-diffusion-xl-1024-v1-0";
    Json(json!([{"id": id, "name": "Stable Diffusion XL", "description": "emulated", "type": "PICTURE"}]))
}

async fn text_to_image(body: Bytes) -> Result<Json<Value>, Failure> {
    let request = parse(Native::Stability, &body)?;
    if request["text_prompts"].as_array().is_none_or(Vec::is_empty) {
        return Err(Provider::Native(Native::Stability).invalid("text_prompts: cannot be blank").param("text_prompts"));
    }
    Ok(Json(json!({"artifacts": [{"base64": PIXEL_BASE64, "finishReason": "SUCCESS", "seed": 1}]})))
}

/// A form; the image comes as bytes, or inline if JSON is accepted.
async fn generate(headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
    let form = Form::read(&headers, &body);
    if form.as_ref().and_then(|form| form.text("prompt")).is_none() {
        return Err(Provider::Native(Native::Stability).invalid("prompt: cannot be blank").param("prompt"));
    }
    if headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json") {
        return Ok(Json(json!({"image": PIXEL_BASE64, "finish_reason": "SUCCESS", "seed": 1})).into_response());
    }
    let pixel = BASE64_STANDARD.decode(PIXEL_BASE64).unwrap_or_default();
    Ok(([(header::CONTENT_TYPE, "image/png")], pixel).into_response())
}

async fn fal(State(emulator): State<Shared>, body: Bytes) -> Result<Json<Value>, Failure> {
    let request = parse(Native::Fal, &body)?;
    let prompt = required(Native::Fal, &request, "prompt")?;
    let url = format!("{}/images/emulator.png", emulator.public_url);
    let image = json!({"url": url, "width": 1, "height": 1, "content_type": "image/png"});
    Ok(Json(json!({"images": [image], "seed": 1, "has_nsfw_concepts": [false], "prompt": prompt})))
}
