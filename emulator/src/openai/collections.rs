//! Objects that are only kept and changed: assistants, conversations, vector stores, containers. One set of routes serves each.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Store, bad_cursor, deleted, list, no_such, parse_or_empty};
use crate::{
    clock,
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    shelf::{PageQuery, Shelf},
};

const DEFAULT_PAGE: usize = 20;

#[derive(Clone, Copy)]
struct Collection {
    path: &'static str,
    object: &'static str,
    prefix: &'static str,
    shelf: fn(&Store) -> &Shelf<Value>,
}

impl Collection {
    fn shelf(self, emulator: &Emulator) -> &Shelf<Value> {
        (self.shelf)(&emulator.openai)
    }
}

const ASSISTANTS: Collection = Collection {
    path: "/openai/v1/assistants",
    object: "assistant",
    prefix: "asst_",
    shelf: |store| &store.assistants,
};
/// The real API has no list of conversations.
const CONVERSATIONS: Collection = Collection {
    path: "/openai/v1/conversations",
    object: "conversation",
    prefix: "conv_",
    shelf: |store| &store.conversations,
};
const VECTOR_STORES: Collection = Collection {
    path: "/openai/v1/vector_stores",
    object: "vector_store",
    prefix: "vs_",
    shelf: |store| &store.vector_stores,
};

const CONTAINERS: Collection = Collection {
    path: "/openai/v1/containers",
    object: "container",
    prefix: "cntr_",
    shelf: |store| &store.containers,
};

pub fn routes() -> Router<Shared> {
    Router::new()
        .merge(objects(ASSISTANTS))
        .merge(objects(CONVERSATIONS))
        .merge(objects(VECTOR_STORES))
        .merge(objects(CONTAINERS))
        .merge(lists(CONTAINERS))
        .merge(lists(ASSISTANTS))
        .merge(lists(VECTOR_STORES))
}

fn objects(of: Collection) -> Router<Shared> {
    let one = format!("{}/{{id}}", of.path);
    Router::new()
        .route(of.path, post(move |state, body| create(of, state, body)))
        .route(&one, get(move |state, path| read(of, state, path)))
        .route(&one, post(move |state, path, body| modify(of, state, path, body)))
        .route(&one, axum::routing::delete(move |state, path| delete(of, state, path)))
}

fn lists(of: Collection) -> Router<Shared> {
    Router::new().route(of.path, get(move |state, query| page(of, state, query)))
}

async fn create(of: Collection, State(emulator): State<Shared>, body: Bytes) -> Result<Json<Value>, Failure> {
    let mut object = parse_or_empty(&body)?;
    let id = ids::id(of.prefix);
    if of.object == "vector_store" {
        let counts = serde_json::json!({"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0});
        object.insert("file_counts".to_owned(), counts);
        object.insert("status".to_owned(), Value::from("completed"));
    }
    object.insert("id".to_owned(), Value::from(id.clone()));
    object.insert("object".to_owned(), Value::from(of.object));
    object.insert("created_at".to_owned(), Value::from(clock::unix_secs()));
    object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    let object = Value::Object(object);
    of.shelf(&emulator).insert(id, object.clone());
    Ok(Json(object))
}

async fn page(
    of: Collection,
    State(emulator): State<Shared>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Value>, Failure> {
    let page = of.shelf(&emulator).page(&query, DEFAULT_PAGE, |_| true).ok_or_else(bad_cursor)?;
    Ok(Json(list(page)))
}

async fn read(of: Collection, State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    of.shelf(&emulator).get(&id).map(Json).ok_or_else(|| no_such(of.object, &id))
}

async fn modify(
    of: Collection,
    State(emulator): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let fields = parse_or_empty(&body)?;
    let changed = of.shelf(&emulator).change(&id, |object| {
        for (name, value) in fields.into_iter().filter(|(name, _)| !matches!(name.as_str(), "id" | "object")) {
            object[name] = value;
        }
        object.clone()
    });
    changed.map(Json).ok_or_else(|| no_such(of.object, &id))
}

async fn delete(
    of: Collection,
    State(emulator): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    of.shelf(&emulator).remove(&id).ok_or_else(|| no_such(of.object, &id))?;
    Ok(Json(deleted(&id, &format!("{}.deleted", of.object))))
}
