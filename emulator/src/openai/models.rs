//! `/v1/models`: a fixed list. Other routes accept any model name.

use axum::{Json, Router, extract::Path, routing::get};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{emulator::Shared, failure::Failure, provider::Provider};

const MODELS: [&str; 12] = [
    "gpt-4.1",
    "gpt-4.1-mini",
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5",
    "gpt-5-mini",
    "gpt-image-1",
    "omni-moderation-latest",
    "text-embedding-3-large",
    "text-embedding-3-small",
    "tts-1",
    "whisper-1",
];

pub fn routes() -> Router<Shared> {
    Router::new().route("/openai/v1/models", get(list)).route("/openai/v1/models/{id}", get(one).delete(delete))
}

fn model(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": 1_715_367_049, "owned_by": "system"})
}

async fn list() -> Json<Value> {
    Json(json!({"object": "list", "data": MODELS.map(model)}))
}

async fn one(Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    if MODELS.contains(&id.as_str()) {
        return Ok(Json(model(&id)));
    }
    Err(Provider::OpenAi.not_found(format!("The model '{id}' does not exist")).param("model").code("model_not_found"))
}

/// The route exists so that a test can tell "refused by the edge" from "unknown upstream".
async fn delete(Path(id): Path<String>) -> Failure {
    Provider::OpenAi.failure(StatusCode::FORBIDDEN, format!("The model '{id}' is owned by OpenAI."))
}
