//! `/v1/files` and `/v1/messages/batches`: kept in memory. A batch is in progress when it is made and has ended when it
//! is read for the first time.

use std::fmt::Write;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::{parse, require_version};
use crate::{
    clock,
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    multipart::Form,
    provider::Provider,
    shelf::{PageQuery, Shelf},
};

pub struct Store {
    files: Shelf<(Value, Bytes)>,
    /// With what was asked.
    batches: Shelf<(Value, Value)>,
}

impl Default for Store {
    fn default() -> Self {
        Self { files: Shelf::with_max_weight(10_000, 256 << 20), batches: Shelf::new(1_000) }
    }
}

impl Store {
    pub fn clear(&self) {
        self.files.clear();
        self.batches.clear();
    }
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/anthropic/v1/files", get(files).post(upload))
        .route("/anthropic/v1/files/{id}", get(file).delete(delete_file))
        .route("/anthropic/v1/files/{id}/content", get(content))
        .route("/anthropic/v1/messages/batches", get(batches).post(begin))
        .route("/anthropic/v1/messages/batches/{id}", get(batch).delete(delete_batch))
        .route("/anthropic/v1/messages/batches/{id}/cancel", post(cancel))
        .route("/anthropic/v1/messages/batches/{id}/results", get(results))
}

#[derive(Deserialize)]
struct Pages {
    limit: Option<usize>,
    after_id: Option<String>,
    before_id: Option<String>,
}

fn page<T: Clone>(shelf: &Shelf<(Value, T)>, asked: Pages) -> Result<Json<Value>, Failure> {
    let query =
        PageQuery { limit: asked.limit, after: asked.after_id, before: asked.before_id, ..PageQuery::default() };
    let page =
        shelf.page(&query, 20, |_| true).ok_or_else(|| Provider::Anthropic.invalid("The cursor names no object."))?;
    let id_of = |item: Option<&(String, (Value, T))>| item.map(|(id, _)| id.clone());
    let (first, last) = (id_of(page.items.first()), id_of(page.items.last()));
    let items: Vec<Value> = page.items.into_iter().map(|(_, (object, _))| object).collect();
    Ok(Json(json!({"data": items, "first_id": first, "last_id": last, "has_more": page.has_more})))
}

fn now() -> String {
    clock::now().format(&Rfc3339).unwrap_or_default()
}

fn missing(kind: &str, id: &str) -> Failure {
    Provider::Anthropic.not_found(format!("{kind}: {id}"))
}

async fn upload(State(emulator): State<Shared>, headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Failure> {
    require_version(&headers)?;
    let form = Form::read(&headers, &body).ok_or_else(|| Provider::Anthropic.invalid("The form cannot be read."))?;
    let part = form.part("file").ok_or_else(|| Provider::Anthropic.invalid("file: Field required"))?;
    let id = ids::id("file_");
    let object = json!({
        "id": id, "type": "file", "filename": part.filename, "mime_type": part.content_type,
        "size_bytes": part.content.len(), "created_at": now(), "downloadable": true,
    });
    let bytes = Bytes::copy_from_slice(&part.content);
    emulator.anthropic.files.insert_weighing(id, (object.clone(), bytes.clone()), bytes.len() as u64);
    Ok(Json(object))
}

async fn files(State(emulator): State<Shared>, Query(asked): Query<Pages>) -> Result<Json<Value>, Failure> {
    page(&emulator.anthropic.files, asked)
}

async fn file(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.anthropic.files.get(&id).map(|(object, _)| Json(object)).ok_or_else(|| missing("file", &id))
}

async fn content(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Response, Failure> {
    let (_, bytes) = emulator.anthropic.files.get(&id).ok_or_else(|| missing("file", &id))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

async fn delete_file(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.anthropic.files.remove(&id).ok_or_else(|| missing("file", &id))?;
    Ok(Json(json!({"id": id, "type": "file_deleted"})))
}

async fn begin(State(emulator): State<Shared>, headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Failure> {
    require_version(&headers)?;
    let request: Value = parse(&body)?;
    let asked = request["requests"].as_array().map_or(0, Vec::len);
    if asked == 0 {
        return Err(Provider::Anthropic.invalid("requests: Field required"));
    }
    let id = ids::id("msgbatch_");
    let batch = json!({
        "id": id, "type": "message_batch", "processing_status": "in_progress", "created_at": now(), "ended_at": null,
        "request_counts": {"processing": asked, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
        "results_url": null,
    });
    emulator.anthropic.batches.insert(id, (batch.clone(), request["requests"].clone()));
    Ok(Json(batch))
}

async fn batches(State(emulator): State<Shared>, Query(asked): Query<Pages>) -> Result<Json<Value>, Failure> {
    page(&emulator.anthropic.batches, asked)
}

async fn batch(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    end(&emulator, &id).map(Json)
}

fn end(emulator: &Emulator, id: &str) -> Result<Value, Failure> {
    let ended = emulator.anthropic.batches.change(id, |(batch, requests)| {
        if batch["processing_status"] == "in_progress" {
            let asked = requests.as_array().map_or(0, Vec::len);
            batch["processing_status"] = json!("ended");
            batch["ended_at"] = json!(now());
            batch["request_counts"] =
                json!({"processing": 0, "succeeded": asked, "errored": 0, "canceled": 0, "expired": 0});
            batch["results_url"] = json!(format!("{}/anthropic/v1/messages/batches/{id}/results", emulator.public_url));
        }
        batch.clone()
    });
    ended.ok_or_else(|| missing("message_batch", id))
}

async fn cancel(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let canceled = emulator.anthropic.batches.change(&id, |(batch, _)| {
        if batch["processing_status"] == "in_progress" {
            batch["processing_status"] = json!("canceling");
        }
        batch.clone()
    });
    canceled.map(Json).ok_or_else(|| missing("message_batch", &id))
}

async fn delete_batch(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.anthropic.batches.remove(&id).ok_or_else(|| missing("message_batch", &id))?;
    Ok(Json(json!({"id": id, "type": "message_batch_deleted"})))
}

/// One line for each request, whose message repeats its id.
async fn results(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Response, Failure> {
    end(&emulator, &id)?;
    let (_, requests) = emulator.anthropic.batches.get(&id).ok_or_else(|| missing("message_batch", &id))?;
    let mut lines = String::new();
    for request in requests.as_array().into_iter().flatten() {
        let content = json!([{"type": "text", "text": format!("You asked: {}", request["custom_id"])}]);
        let message = json!({
            "id": ids::id("msg_"), "type": "message", "role": "assistant", "model": request["params"]["model"],
            "content": content, "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 3},
        });
        let result = json!({"type": "succeeded", "message": message});
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{}", json!({"custom_id": request["custom_id"], "result": result}));
    }
    Ok(([(header::CONTENT_TYPE, "application/x-jsonl")], lines).into_response())
}
