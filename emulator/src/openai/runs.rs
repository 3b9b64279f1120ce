//! `/v1/threads/{thread}/runs`: a run is queued when it is made and complete when it is read for the first time,
//! so that polling, cancelling and steps can all be tried.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    bad_cursor, list, messages, no_such, parse,
    threads::{self, Thread, find},
};
use crate::{
    clock,
    emulator::Shared,
    failure::Failure,
    ids,
    provider::Provider,
    reply::{Pace, Reply, count_words},
    shelf::{Order, PageQuery},
};

const DEFAULT_PAGE: usize = 20;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/threads/runs", post(create_with_thread))
        .route("/openai/v1/threads/{thread}/runs", get(page).post(create))
        .route("/openai/v1/threads/{thread}/runs/{run}", get(one))
        .route("/openai/v1/threads/{thread}/runs/{run}/cancel", post(cancel))
        .route("/openai/v1/threads/{thread}/runs/{run}/steps", get(steps))
}

async fn create_with_thread(State(emulator): State<Shared>, body: Bytes) -> Result<Json<Value>, Failure> {
    let request: Value = parse(&body)?;
    let empty = Map::new();
    let thread = threads::begin(&emulator, request["thread"].as_object().unwrap_or(&empty))?;
    start(&thread, &request).map(Json)
}

async fn create(
    State(emulator): State<Shared>,
    Path(thread): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    start(&thread, &parse(&body)?).map(Json)
}

fn start(thread: &Thread, request: &Value) -> Result<Value, Failure> {
    let Some(assistant) = request["assistant_id"].as_str() else {
        return Err(Provider::OpenAi.invalid("Missing required parameter: 'assistant_id'.").param("assistant_id"));
    };
    for message in request["additional_messages"].as_array().into_iter().flatten() {
        messages::add(thread, message)?;
    }
    let id = ids::id("run_");
    let run = json!({
        "id": id,
        "object": "thread.run",
        "created_at": clock::unix_secs(),
        "thread_id": thread.id,
        "assistant_id": assistant,
        "status": "queued",
        "started_at": null,
        "completed_at": null,
        "cancelled_at": null,
        "last_error": null,
        "model": request["model"].as_str().unwrap_or("gpt-4o-mini"),
        "instructions": request["instructions"].as_str().unwrap_or_default(),
        "tools": [],
        "max_completion_tokens": request["max_completion_tokens"],
        "metadata": request["metadata"].as_object().cloned().unwrap_or_default(),
        "usage": null,
    });
    thread.runs.insert(id, run.clone());
    Ok(run)
}

async fn page(
    State(emulator): State<Shared>,
    Path(thread): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    let page = thread.runs.page(&query, DEFAULT_PAGE, |_| true).ok_or_else(bad_cursor)?;
    Ok(Json(list(page)))
}

async fn one(
    State(emulator): State<Shared>,
    Path((thread, run)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    let before = thread.runs.get(&run).ok_or_else(|| no_such("run", &run))?;
    if before["status"] != "queued" {
        return Ok(Json(before));
    }
    complete(&thread, &run, &before).map(Json)
}

/// Answers the last message of the thread.
fn complete(thread: &Thread, id: &str, run: &Value) -> Result<Value, Failure> {
    let oldest_first = PageQuery { order: Order::Asc, ..PageQuery::default() };
    let spoken = thread.messages.page(&oldest_first, usize::MAX - 1, |_| true).ok_or_else(bad_cursor)?.items;
    let prompt_tokens: u64 = spoken.iter().map(|(_, message)| count_words(&messages::text(message))).sum();
    let last = spoken.iter().rev().find(|(_, message)| message["role"] == "user");
    let said = last.map(|(_, message)| messages::text(message)).unwrap_or_default();
    let pace = Pace::read(Some(&run["metadata"]));
    let reply = Reply::new(&said, pace, run["max_completion_tokens"].as_u64());
    let completion_tokens = reply.tokens;
    let message = messages::add(
        thread,
        &json!({"role": "assistant", "content": reply.text, "assistant_id": run["assistant_id"], "run_id": id}),
    )?;

    let completed = thread.runs.change(id, |run| {
        run["status"] = Value::from("completed");
        run["started_at"] = Value::from(clock::unix_secs());
        run["completed_at"] = Value::from(clock::unix_secs());
        run["usage"] = json!({
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        });
        run["emulator_message_id"] = message["id"].clone();
        run.clone()
    });
    completed.ok_or_else(|| no_such("run", id))
}

async fn cancel(
    State(emulator): State<Shared>,
    Path((thread, run)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    let cancelled = thread.runs.change(&run, |run| {
        if run["status"] != "queued" {
            return None;
        }
        run["status"] = Value::from("cancelled");
        run["cancelled_at"] = Value::from(clock::unix_secs());
        Some(run.clone())
    });
    match cancelled {
        Some(Some(run)) => Ok(Json(run)),
        Some(None) => Err(Provider::OpenAi.invalid("Cannot cancel a run that is not in progress.")),
        None => Err(no_such("run", &run)),
    }
}

/// A completed run has one step: it made a message.
async fn steps(
    State(emulator): State<Shared>,
    Path((thread, id)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    let thread = find(&emulator, &thread)?;
    let run = thread.runs.get(&id).ok_or_else(|| no_such("run", &id))?;
    let Some(message) = run["emulator_message_id"].as_str() else {
        return Ok(Json(json!({"object": "list", "data": [], "first_id": null, "last_id": null, "has_more": false})));
    };
    // Derived from the run, so that it is the same in every list.
    let step = id.replacen("run_", "step_", 1);
    Ok(Json(json!({
        "object": "list",
        "data": [{
            "id": step,
            "object": "thread.run.step",
            "created_at": run["completed_at"],
            "run_id": id,
            "thread_id": thread.id,
            "assistant_id": run["assistant_id"],
            "type": "message_creation",
            "status": "completed",
            "step_details": {"type": "message_creation", "message_creation": {"message_id": message}},
            "usage": run["usage"],
        }],
        "first_id": step,
        "last_id": step,
        "has_more": false,
    })))
}
