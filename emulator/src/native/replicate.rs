//! Replicate: predictions that are over when they are made, as with `Prefer: wait`.

use axum::{
    Json, Router,
    extract::Path,
    routing::{get, post},
};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::parse;
use crate::{
    emulator::Shared,
    failure::Failure,
    ids,
    provider::{Native, Provider},
    reply::{Pace, Reply, count_words},
};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/replicate/v1/models/{owner}/{name}", get(model))
        .route("/replicate/v1/models/{owner}/{name}/predictions", post(predict_with))
        .route("/replicate/v1/predictions", post(predict))
}

async fn model(Path((owner, name)): Path<(String, String)>) -> Json<Value> {
    let url = format!("https://replicate.com/{owner}/{name}");
    Json(json!({"url": url, "owner": owner, "name": name, "visibility": "public", "run_count": 1}))
}

async fn predict_with(
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Failure> {
    let request = parse(Native::Replicate, &body)?;
    prediction(&format!("{owner}/{name}"), &request)
}

async fn predict(body: Bytes) -> Result<(StatusCode, Json<Value>), Failure> {
    let request = parse(Native::Replicate, &body)?;
    let version = super::required(Native::Replicate, &request, "version")?;
    prediction(&version, &request)
}

fn prediction(model: &str, request: &Value) -> Result<(StatusCode, Json<Value>), Failure> {
    let Some(input) = request.get("input").filter(|input| input.is_object()) else {
        let failure = Provider::Native(Native::Replicate);
        return Err(failure.failure(StatusCode::UNPROCESSABLE_ENTITY, "input is required").param("input"));
    };
    let prompt = input["prompt"].as_str().unwrap_or_default();
    let reply = Reply::new(prompt, Pace::read(request.get("metadata")), input["max_tokens"].as_u64());
    let id = ids::short_id();
    let mut pieces = reply.clone().into_pieces();
    let output: Vec<String> = std::iter::from_fn(|| pieces.next_piece().map(str::to_owned)).collect();
    let prediction = json!({
        "id": id,
        "model": model,
        "version": "hidden",
        "status": "succeeded",
        "input": input,
        "output": output,
        "error": null,
        "logs": "",
        "metrics": {
            "input_token_count": count_words(prompt),
            "output_token_count": reply.tokens,
            "predict_time": 0.1,
        },
        "urls": {
            "get": format!("https://api.replicate.com/v1/predictions/{id}"),
            "cancel": format!("https://api.replicate.com/v1/predictions/{id}/cancel"),
        },
    });
    Ok((StatusCode::CREATED, Json(prediction)))
}
