//! `/v1/batches`: a batch is being validated when it is made and done when it is read for the first time; then its
//! answers are in a new file.

use std::fmt::Write;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{bad_cursor, files, list, no_such, parse, text_of};
use crate::{
    clock,
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    provider::Provider,
    reply::{Pace, Reply},
    shelf::PageQuery,
};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/batches", get(page).post(create))
        .route("/openai/v1/batches/{batch}", get(one))
        .route("/openai/v1/batches/{batch}/cancel", post(cancel))
}

async fn create(State(emulator): State<Shared>, body: Bytes) -> Result<Json<Value>, Failure> {
    let request: Value = parse(&body)?;
    let file = request["input_file_id"].as_str().unwrap_or_default();
    emulator.openai.files.get(file).ok_or_else(|| files::no_such_file(file))?;
    let Some(endpoint) = request["endpoint"].as_str() else {
        return Err(Provider::OpenAi.invalid("Missing required parameter: 'endpoint'.").param("endpoint"));
    };
    let id = ids::id("batch_");
    let batch = json!({
        "id": id, "object": "batch", "endpoint": endpoint, "errors": null, "input_file_id": file,
        "completion_window": "24h", "status": "validating", "output_file_id": null, "error_file_id": null,
        "created_at": clock::unix_secs(), "completed_at": null, "metadata": request["metadata"],
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
    });
    emulator.openai.batches.insert(id, batch.clone());
    Ok(Json(batch))
}

async fn page(State(emulator): State<Shared>, Query(query): Query<PageQuery>) -> Result<Json<Value>, Failure> {
    let page = emulator.openai.batches.page(&query, 20, |_| true).ok_or_else(bad_cursor)?;
    Ok(Json(list(page)))
}

async fn one(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let batch = emulator.openai.batches.get(&id).ok_or_else(|| no_such("batch", &id))?;
    if batch["status"] != "validating" {
        return Ok(Json(batch));
    }
    let (output, count) = answers(&emulator, batch["input_file_id"].as_str().unwrap_or_default());
    let file = files::add(&emulator, "output.jsonl", "batch_output", output.as_bytes());
    let done = emulator.openai.batches.change(&id, |batch| {
        batch["status"] = Value::from("completed");
        batch["completed_at"] = Value::from(clock::unix_secs());
        batch["output_file_id"] = Value::from(file.id());
        batch["request_counts"] = json!({"total": count, "completed": count, "failed": 0});
        batch.clone()
    });
    done.map(Json).ok_or_else(|| no_such("batch", &id))
}

/// Every line is answered as a chat completion would be.
fn answers(emulator: &Emulator, file: &str) -> (String, usize) {
    let input = emulator.openai.files.get(file).map(|file| file.bytes).unwrap_or_default();
    let (mut output, mut count) = (String::new(), 0);
    for call in input.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok()) {
        let last = call["body"]["messages"].as_array().and_then(|messages| messages.last());
        let said = last.map(|message| text_of(&message["content"])).unwrap_or_default();
        let content = Reply::new(&said, Pace::default(), None).text;
        let message = json!({"role": "assistant", "content": content});
        let choices = json!([{"index": 0, "message": message, "finish_reason": "stop"}]);
        let body = json!({"id": ids::id("chatcmpl-"), "object": "chat.completion", "choices": choices});
        let response = json!({"status_code": 200, "request_id": ids::id("req_"), "body": body});
        let line =
            json!({"id": ids::id("batch_req_"), "custom_id": call["custom_id"], "response": response, "error": null});
        // Writing to a string cannot fail.
        let _ = writeln!(output, "{line}");
        count += 1;
    }
    (output, count)
}

async fn cancel(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let cancelled = emulator.openai.batches.change(&id, |batch| {
        if batch["status"] == "validating" {
            batch["status"] = Value::from("cancelled");
        }
        batch.clone()
    });
    cancelled.map(Json).ok_or_else(|| no_such("batch", &id))
}
