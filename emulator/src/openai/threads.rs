//! `/v1/threads`: a thread keeps its messages and runs; their routes are in `messages` and `runs`.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{deleted, messages, no_such, parse_or_empty};
use crate::{
    clock,
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    shelf::Shelf,
};

const MAX_PARTS: usize = 1000;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/threads", post(create))
        .route("/openai/v1/threads/{thread}", get(one).post(modify).delete(delete))
}

pub struct Thread {
    pub id: String,
    created_at: i64,
    metadata: Mutex<Value>,
    pub messages: Shelf<Value>,
    pub runs: Shelf<Value>,
}

impl Thread {
    fn object(&self) -> Value {
        let metadata = self.metadata.lock().unwrap_or_else(PoisonError::into_inner).clone();
        json!({
            "id": self.id, "object": "thread", "created_at": self.created_at,
            "metadata": metadata, "tool_resources": {},
        })
    }
}

/// Makes a thread of a request's `messages` and `metadata`.
pub fn begin(emulator: &Emulator, request: &Map<String, Value>) -> Result<Arc<Thread>, Failure> {
    let thread = Thread {
        id: ids::id("thread_"),
        created_at: clock::unix_secs(),
        metadata: Mutex::new(request.get("metadata").cloned().unwrap_or_else(|| json!({}))),
        messages: Shelf::new(MAX_PARTS),
        runs: Shelf::new(MAX_PARTS),
    };
    for message in request.get("messages").and_then(Value::as_array).into_iter().flatten() {
        messages::add(&thread, message)?;
    }
    let thread = Arc::new(thread);
    emulator.openai.threads.insert(thread.id.clone(), Arc::clone(&thread));
    Ok(thread)
}

pub fn find(emulator: &Emulator, id: &str) -> Result<Arc<Thread>, Failure> {
    emulator.openai.threads.get(id).ok_or_else(|| no_such("thread", id))
}

async fn create(State(emulator): State<Shared>, body: Bytes) -> Result<Json<Value>, Failure> {
    let thread = begin(&emulator, &parse_or_empty(&body)?)?;
    Ok(Json(thread.object()))
}

async fn one(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    Ok(Json(find(&emulator, &id)?.object()))
}

async fn modify(State(emulator): State<Shared>, Path(id): Path<String>, body: Bytes) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &id)?;
    if let Some(metadata) = parse_or_empty(&body)?.remove("metadata") {
        *thread.metadata.lock().unwrap_or_else(PoisonError::into_inner) = metadata;
    }
    Ok(Json(thread.object()))
}

async fn delete(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.openai.threads.remove(&id).ok_or_else(|| no_such("thread", &id))?;
    Ok(Json(deleted(&id, "thread.deleted")))
}
