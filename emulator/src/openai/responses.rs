//! `/v1/responses`: creates, keeps and deletes responses; streams are in `response_stream`.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{deleted, parse, response_stream, text_of};
use crate::{
    clock,
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    provider::Provider,
    reply::{Pace, Reply, count_words},
    sse,
};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/responses", post(create))
        .route("/openai/v1/responses/{id}", get(one).delete(delete))
        .route("/openai/v1/responses/{id}/cancel", post(cancel))
        .route("/openai/v1/responses/{id}/input_items", get(input_items))
}

#[derive(Debug, Deserialize)]
struct ResponseRequest {
    model: String,
    #[serde(default)]
    input: Value,
    instructions: Option<String>,
    max_output_tokens: Option<u64>,
    previous_response_id: Option<String>,
    conversation: Option<Value>,
    store: Option<bool>,
    stream: Option<bool>,
    metadata: Option<Value>,
}

pub struct StoredResponse {
    object: Value,
    input_items: Vec<Value>,
}

/// One response before it is either sent whole or streamed.
pub struct Draft {
    pub id: String,
    pub message_id: String,
    pub reply: Reply,
    input_tokens: u64,
    created_at: i64,
    request: ResponseRequest,
}

async fn create(State(emulator): State<Shared>, body: Bytes) -> Result<Response, Failure> {
    let request: ResponseRequest = parse(&body)?;
    check_references(&emulator, &request)?;

    let input_items = input_as_items(&request.input);
    let instructions = request.instructions.as_deref().map_or(0, count_words);
    let input_tokens = input_items.iter().map(|item| count_words(&text_of(&item["content"]))).sum::<u64>();
    let said = input_items.iter().rev().find(|item| item["role"] == "user");
    let said = said.map(|item| text_of(&item["content"])).unwrap_or_default();
    let pace = Pace::read(request.metadata.as_ref());
    let draft = Draft {
        id: ids::id("resp_"),
        message_id: ids::id("msg_"),
        reply: Reply::new(&said, pace, request.max_output_tokens),
        input_tokens: instructions + input_tokens,
        created_at: clock::unix_secs(),
        request,
    };

    let whole = draft.completed();
    if draft.request.store != Some(false) {
        let stored = StoredResponse { object: whole.clone(), input_items };
        emulator.openai.responses.insert(draft.id.clone(), Arc::new(stored));
    }
    if draft.request.stream == Some(true) {
        return Ok(sse::answer(response_stream::events(draft, &whole), pace.delay));
    }
    Ok(Json(whole).into_response())
}

fn check_references(emulator: &Emulator, request: &ResponseRequest) -> Result<(), Failure> {
    let store = &emulator.openai;
    if let Some(id) = &request.previous_response_id
        && store.responses.get(id).is_none()
    {
        return Err(Provider::OpenAi
            .invalid(format!("Previous response with id '{id}' not found."))
            .param("previous_response_id")
            .code("previous_response_not_found"));
    }
    let conversation = request.conversation.as_ref().and_then(|named| named.as_str().or_else(|| named["id"].as_str()));
    match conversation {
        Some(id) if store.conversations.get(id).is_none() => {
            Err(Provider::OpenAi.not_found(format!("Conversation with id '{id}' not found.")).param("conversation"))
        }
        _ => Ok(()),
    }
}

/// The input as `/input_items` lists it: each item has an id, and its text is in parts.
fn input_as_items(input: &Value) -> Vec<Value> {
    let message = |role: &Value, content: &Value| {
        let content = match content {
            Value::String(text) => json!([{"type": "input_text", "text": text}]),
            parts => parts.clone(),
        };
        json!({"id": ids::id("msg_"), "type": "message", "status": "completed", "role": role, "content": content})
    };
    match input {
        Value::String(_) => vec![message(&Value::from("user"), input)],
        Value::Array(items) => items.iter().map(|item| message(&item["role"], &item["content"])).collect(),
        _ => Vec::new(),
    }
}

impl Draft {
    pub fn in_progress(&self) -> Value {
        self.object("in_progress", &json!([]), &Value::Null)
    }

    fn completed(&self) -> Value {
        let status = if self.reply.cut { "incomplete" } else { "completed" };
        let usage = json!({
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": self.reply.tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.input_tokens + self.reply.tokens,
        });
        self.object(status, &json!([self.message("completed", &[self.part(&self.reply.text)])]), &usage)
    }

    pub fn message(&self, status: &str, parts: &[Value]) -> Value {
        json!({"id": self.message_id, "type": "message", "status": status, "role": "assistant", "content": parts})
    }

    pub fn part(&self, text: &str) -> Value {
        json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
    }

    fn object(&self, status: &str, output: &Value, usage: &Value) -> Value {
        let request = &self.request;
        let incomplete = (status == "incomplete").then(|| json!({"reason": "max_output_tokens"}));
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "background": false,
            "error": null,
            "incomplete_details": incomplete,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "metadata": request.metadata.clone().unwrap_or_else(|| json!({})),
            "model": request.model,
            "output": output,
            "parallel_tool_calls": true,
            "previous_response_id": request.previous_response_id,
            "conversation": request.conversation,
            "store": request.store.unwrap_or(true),
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": usage,
        })
    }
}

fn no_such_response(id: &str) -> Failure {
    Provider::OpenAi.not_found(format!("Response with id '{id}' not found."))
}

async fn one(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let stored = emulator.openai.responses.get(&id).ok_or_else(|| no_such_response(&id))?;
    Ok(Json(stored.object.clone()))
}

async fn delete(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.openai.responses.remove(&id).ok_or_else(|| no_such_response(&id))?;
    Ok(Json(deleted(&id, "response")))
}

/// Every response is complete at once, so there is never one to cancel.
async fn cancel(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.openai.responses.get(&id).ok_or_else(|| no_such_response(&id))?;
    Err(Provider::OpenAi.invalid("Cannot cancel a completed response."))
}

async fn input_items(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let stored = emulator.openai.responses.get(&id).ok_or_else(|| no_such_response(&id))?;
    let items: Vec<&Value> = stored.input_items.iter().rev().collect();
    Ok(Json(json!({
        "object": "list",
        "data": items,
        "first_id": items.first().map(|item| &item["id"]),
        "last_id": items.last().map(|item| &item["id"]),
        "has_more": false,
    })))
}
