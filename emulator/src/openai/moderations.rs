//! `/v1/moderations`: flags what contains the word `emulator-flag`.

use axum::{Json, Router, routing::post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{parse, text_of};
use crate::{emulator::Shared, failure::Failure, ids};

const FLAG: &str = "emulator-flag";
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

pub fn routes() -> Router<Shared> {
    Router::new().route("/openai/v1/moderations", post(create))
}

#[derive(Debug, Deserialize)]
struct ModerationRequest {
    input: Value,
    model: Option<String>,
}

async fn create(body: Bytes) -> Result<Json<Value>, Failure> {
    let request: ModerationRequest = parse(&body)?;
    // Texts are judged one by one, the parts of one message together.
    let texts: Vec<String> = match &request.input {
        Value::Array(texts) if texts.iter().all(Value::is_string) => texts.iter().map(text_of).collect(),
        input => vec![text_of(input)],
    };
    let results: Vec<Value> = texts.iter().map(|text| judge(text)).collect();
    let model = request.model.unwrap_or_else(|| "omni-moderation-latest".to_owned());
    Ok(Json(json!({"id": ids::id("modr-"), "model": model, "results": results})))
}

fn judge(text: &str) -> Value {
    let flagged = text.contains(FLAG);
    let each = |value: fn(bool) -> Value| -> Map<String, Value> {
        CATEGORIES.iter().map(|name| ((*name).to_owned(), value(flagged && *name == "violence"))).collect()
    };
    json!({
        "flagged": flagged,
        "categories": each(Value::from),
        "category_scores": each(|hit| Value::from(if hit { 0.99 } else { 0.001 })),
    })
}
