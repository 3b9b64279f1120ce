//! `/v1/threads/{thread}/messages`.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::get,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    bad_cursor, deleted, list, no_such, parse,
    threads::{Thread, find},
};
use crate::{clock, emulator::Shared, failure::Failure, ids, provider::Provider, shelf::PageQuery};

const DEFAULT_PAGE: usize = 20;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/threads/{thread}/messages", get(page).post(create))
        .route("/openai/v1/threads/{thread}/messages/{message}", get(one).post(modify).delete(delete))
}

/// Adds a message of `{"role", "content", "metadata"}`; a text becomes one part.
pub fn add(thread: &Thread, request: &Value) -> Result<Value, Failure> {
    let role = request["role"].as_str().unwrap_or("user");
    let content = match &request["content"] {
        Value::String(text) => json!([{"type": "text", "text": {"value": text, "annotations": []}}]),
        Value::Array(parts) => parts.iter().map(text_as_object).collect(),
        _ => return Err(Provider::OpenAi.invalid("Missing required parameter: 'content'.").param("content")),
    };
    let id = ids::id("msg_");
    let message = json!({
        "id": id,
        "object": "thread.message",
        "created_at": clock::unix_secs(),
        "thread_id": thread.id,
        "role": role,
        "content": content,
        "assistant_id": request["assistant_id"],
        "run_id": request["run_id"],
        "attachments": request["attachments"].as_array().cloned().unwrap_or_default(),
        "metadata": request["metadata"].as_object().cloned().unwrap_or_default(),
    });
    thread.messages.insert(id, message.clone());
    Ok(message)
}

/// Requests carry the text of a part as a string, messages as an object.
fn text_as_object(part: &Value) -> Value {
    match part["text"].as_str() {
        Some(text) => json!({"type": "text", "text": {"value": text, "annotations": []}}),
        None => part.clone(),
    }
}

/// The text of a stored message.
pub fn text(message: &Value) -> String {
    let parts = message["content"].as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"]["value"].as_str()).collect::<Vec<_>>().join("\n")
}

async fn create(
    State(emulator): State<Shared>,
    Path(thread): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    add(&thread, &parse(&body)?).map(Json)
}

async fn page(
    State(emulator): State<Shared>,
    Path(thread): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    let page = thread.messages.page(&query, DEFAULT_PAGE, |_| true).ok_or_else(bad_cursor)?;
    Ok(Json(list(page)))
}

async fn one(
    State(emulator): State<Shared>,
    Path((thread, message)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    thread.messages.get(&message).map(Json).ok_or_else(|| no_such("message", &message))
}

async fn modify(
    State(emulator): State<Shared>,
    Path((thread, message)): Path<(String, String)>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    let request: Value = parse(&body)?;
    let changed = thread.messages.change(&message, |stored| {
        if request["metadata"].is_object() {
            stored["metadata"] = request["metadata"].clone();
        }
        stored.clone()
    });
    changed.map(Json).ok_or_else(|| no_such("message", &message))
}

async fn delete(
    State(emulator): State<Shared>,
    Path((thread, message)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    thread.messages.remove(&message).ok_or_else(|| no_such("message", &message))?;
    Ok(Json(deleted(&message, "thread.message.deleted")))
}
