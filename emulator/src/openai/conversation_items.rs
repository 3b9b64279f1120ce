//! `/v1/conversations/{conversation}/items`.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::get,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{keep_part, no_such, parse, part_of, parts_of};
use crate::{
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    shelf::PageQuery,
};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/conversations/{conversation}/items", get(page).post(create))
        .route("/openai/v1/conversations/{conversation}/items/{item}", get(one).delete(delete))
}

fn find(emulator: &Emulator, id: &str) -> Result<Value, Failure> {
    emulator.openai.conversations.get(id).ok_or_else(|| no_such("conversation", id))
}

async fn create(
    State(emulator): State<Shared>,
    Path(conversation): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    find(&emulator, &conversation)?;
    let request: Value = parse(&body)?;
    let mut added = Vec::new();
    for item in request["items"].as_array().into_iter().flatten() {
        let mut item = item.clone();
        let id = ids::id("msg_");
        item["id"] = Value::from(id.clone());
        item["status"] = Value::from("completed");
        keep_part(&emulator.openai, &conversation, &id, item.clone());
        added.push(item);
    }
    let id_of = |item: Option<&Value>| item.map(|item| item["id"].clone());
    let (first, last) = (id_of(added.first()), id_of(added.last()));
    Ok(Json(json!({"object": "list", "data": added, "first_id": first, "last_id": last, "has_more": false})))
}

async fn page(
    State(emulator): State<Shared>,
    Path(conversation): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Value>, Failure> {
    find(&emulator, &conversation)?;
    parts_of(&emulator.openai, &conversation, query).map(Json)
}

async fn one(
    State(emulator): State<Shared>,
    Path((conversation, item)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    part_of(&emulator.openai, "item", &conversation, &item).map(Json)
}

/// Answers with the conversation, as the real API does.
async fn delete(
    State(emulator): State<Shared>,
    Path((conversation, item)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    part_of(&emulator.openai, "item", &conversation, &item)?;
    emulator.openai.parts.remove(&format!("{conversation}/{item}"));
    find(&emulator, &conversation).map(Json)
}
