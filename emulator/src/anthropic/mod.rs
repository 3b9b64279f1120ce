//! The fake Anthropic under `/anthropic/v1`.

mod messages;
mod objects;
mod stream;

pub use objects::Store;

use axum::{
    Json, Router,
    extract::Path,
    routing::{get, post},
};
use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{emulator::Shared, failure::Failure, provider::Provider};

const MODELS: [&str; 3] = ["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"];

pub fn routes() -> Router<Shared> {
    Router::new()
        .merge(objects::routes())
        .route("/anthropic/v1/messages", post(messages::create))
        .route("/anthropic/v1/messages/count_tokens", post(messages::count_tokens))
        .route("/anthropic/v1/models", get(models))
        .route("/anthropic/v1/models/{id}", get(model))
}

/// The real API refuses a request that does not name a version.
fn require_version(headers: &HeaderMap) -> Result<(), Failure> {
    if headers.contains_key("anthropic-version") {
        return Ok(());
    }
    Err(Provider::Anthropic.invalid("anthropic-version: header is required"))
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Provider::Anthropic.invalid(error.to_string()))
}

fn model_object(id: &str) -> Value {
    json!({"type": "model", "id": id, "display_name": id, "created_at": "2025-10-01T00:00:00Z"})
}

async fn models(headers: HeaderMap) -> Result<Json<Value>, Failure> {
    require_version(&headers)?;
    Ok(Json(json!({
        "data": MODELS.map(model_object),
        "first_id": MODELS.first(),
        "last_id": MODELS.last(),
        "has_more": false,
    })))
}

async fn model(headers: HeaderMap, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    require_version(&headers)?;
    if MODELS.contains(&id.as_str()) {
        return Ok(Json(model_object(&id)));
    }
    Err(Provider::Anthropic.not_found(format!("model: {id}")))
}
