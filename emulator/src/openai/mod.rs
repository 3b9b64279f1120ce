//! The fake OpenAI under `/openai/v1`: its routes and the objects it keeps.

mod audio;
mod batches;
mod chat;
mod chat_stream;
mod collections;
mod conversation_items;
mod embeddings;
mod files;
mod images;
mod messages;
mod models;
mod moderations;
mod response_stream;
mod responses;
mod runs;
mod threads;
mod uploads;
mod vector_store_files;

use std::sync::Arc;

pub use images::PIXEL_BASE64;

use axum::Router;
use bytes::Bytes;
use http::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    emulator::Shared,
    failure::Failure,
    provider::Provider,
    shelf::{Page, PageQuery, Shelf},
};

const MAX_OBJECTS: usize = 10_000;
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

pub struct Store {
    files: Shelf<files::StoredFile>,
    responses: Shelf<Arc<responses::StoredResponse>>,
    threads: Shelf<Arc<threads::Thread>>,
    assistants: Shelf<Value>,
    conversations: Shelf<Value>,
    vector_stores: Shelf<Value>,
    containers: Shelf<Value>,
    batches: Shelf<Value>,
    uploads: Shelf<uploads::Upload>,
    /// Stored chat completions, and what their messages were.
    completions: Shelf<Value>,
    /// What belongs to another object, as `{parent}/{id}`.
    parts: Shelf<Value>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            files: Shelf::with_max_weight(MAX_OBJECTS, MAX_FILE_BYTES),
            responses: Shelf::new(MAX_OBJECTS),
            threads: Shelf::new(MAX_OBJECTS),
            assistants: Shelf::new(MAX_OBJECTS),
            conversations: Shelf::new(MAX_OBJECTS),
            vector_stores: Shelf::new(MAX_OBJECTS),
            containers: Shelf::new(MAX_OBJECTS),
            batches: Shelf::new(MAX_OBJECTS),
            uploads: Shelf::new(100),
            completions: Shelf::new(MAX_OBJECTS),
            parts: Shelf::new(MAX_OBJECTS),
        }
    }
}

impl Store {
    pub fn clear(&self) {
        self.files.clear();
        self.responses.clear();
        self.threads.clear();
        self.assistants.clear();
        self.conversations.clear();
        self.vector_stores.clear();
        self.containers.clear();
        self.batches.clear();
        self.uploads.clear();
        self.completions.clear();
        self.parts.clear();
    }
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .merge(audio::routes())
        .merge(chat::routes())
        .merge(batches::routes())
        .merge(collections::routes())
        .merge(conversation_items::routes())
        .merge(embeddings::routes())
        .merge(files::routes())
        .merge(images::routes())
        .merge(messages::routes())
        .merge(models::routes())
        .merge(moderations::routes())
        .merge(responses::routes())
        .merge(runs::routes())
        .merge(threads::routes())
        .merge(uploads::routes())
        .merge(vector_store_files::routes())
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Provider::OpenAi.invalid(format!("The body is not valid: {error}.")))
}

/// An absent body is an empty object, as in `POST /v1/threads`.
fn parse_or_empty(body: &Bytes) -> Result<Map<String, Value>, Failure> {
    if body.is_empty() { Ok(Map::new()) } else { parse(body) }
}

fn no_such(kind: &str, id: &str) -> Failure {
    Provider::OpenAi.not_found(format!("No {kind} found with id '{id}'.")).param("id")
}

fn bad_cursor() -> Failure {
    Provider::OpenAi
        .failure(StatusCode::BAD_REQUEST, "The cursor names no object.")
        .param("after")
        .code("invalid_value")
}

/// `{"object": "list", …}` with the ids that the next page is asked for by.
fn list<T: Serialize>(page: Page<T>) -> Value {
    let first_id = page.items.first().map(|(id, _)| id.clone());
    let last_id = page.items.last().map(|(id, _)| id.clone());
    let content: Vec<T> = page.items.into_iter().map(|(_, content)| content).collect();
    json!({"object": "list", "data": content, "first_id": first_id, "last_id": last_id, "has_more": page.has_more})
}

/// One page of what belongs to `parent`; cursors are the children's own ids.
fn parts_of(store: &Store, parent: &str, query: PageQuery) -> Result<Value, Failure> {
    let whole = |id: Option<String>| id.map(|id| format!("{parent}/{id}"));
    let query = PageQuery { after: whole(query.after), before: whole(query.before), ..query };
    let page = store.parts.page(&query, 20, |part| part["emulator_parent"] == parent).ok_or_else(bad_cursor)?;
    let items = page.items.into_iter().map(|(id, part)| (id[parent.len() + 1..].to_owned(), without_parent(part)));
    Ok(list(Page { items: items.collect(), has_more: page.has_more }))
}

fn keep_part(store: &Store, parent: &str, id: &str, mut part: Value) {
    part["emulator_parent"] = Value::from(parent);
    store.parts.insert(format!("{parent}/{id}"), part);
}

fn part_of(store: &Store, kind: &str, parent: &str, id: &str) -> Result<Value, Failure> {
    store.parts.get(&format!("{parent}/{id}")).map(without_parent).ok_or_else(|| no_such(kind, id))
}

fn without_parent(mut part: Value) -> Value {
    if let Some(members) = part.as_object_mut() {
        members.remove("emulator_parent");
    }
    part
}

fn deleted(id: &str, object: &str) -> Value {
    json!({"id": id, "object": object, "deleted": true})
}

/// The text of a message: a string, or the `text` of its parts.
pub fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}
