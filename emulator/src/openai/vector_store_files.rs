//! What is in a vector store: files, one by one or in batches, and a search that finds every one of them.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    routing::{get, post},
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{deleted, files, keep_part, no_such, parse, part_of, parts_of};
use crate::{
    clock,
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    provider::Provider,
    shelf::PageQuery,
};

pub fn routes() -> Router<Shared> {
    let store = "/openai/v1/vector_stores/{store}";
    Router::new()
        .route(&format!("{store}/files"), get(page).post(attach))
        .route(&format!("{store}/files/{{file}}"), get(one).delete(detach))
        .route(&format!("{store}/files/{{file}}/content"), get(content))
        .route(&format!("{store}/file_batches"), post(attach_many))
        .route(&format!("{store}/file_batches/{{batch}}"), get(batch))
        .route(&format!("{store}/file_batches/{{batch}}/files"), get(batch_files))
        .route(&format!("{store}/search"), post(search))
}

fn check(emulator: &Emulator, store: &str) -> Result<(), Failure> {
    emulator.openai.vector_stores.get(store).map(drop).ok_or_else(|| no_such("vector_store", store))
}

fn add(emulator: &Emulator, store: &str, file: &str) -> Result<Value, Failure> {
    let stored = emulator.openai.files.get(file).ok_or_else(|| files::no_such_file(file))?;
    let object = json!({
        "id": file, "object": "vector_store.file", "created_at": clock::unix_secs(), "vector_store_id": store,
        "status": "completed", "usage_bytes": stored.bytes.len(), "last_error": null, "attributes": {},
    });
    keep_part(&emulator.openai, store, file, object.clone());
    Ok(object)
}

async fn attach(
    State(emulator): State<Shared>,
    Path(store): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    check(&emulator, &store)?;
    let request: Value = parse(&body)?;
    add(&emulator, &store, request["file_id"].as_str().unwrap_or_default()).map(Json)
}

async fn attach_many(
    State(emulator): State<Shared>,
    Path(store): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    check(&emulator, &store)?;
    let request: Value = parse(&body)?;
    let named: Vec<&str> = request["file_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if named.is_empty() {
        return Err(Provider::OpenAi.invalid("Missing required parameter: 'file_ids'.").param("file_ids"));
    }
    for file in &named {
        add(&emulator, &store, file)?;
    }
    let id = ids::id("vsfb_");
    let counts = json!({"in_progress": 0, "completed": named.len(), "failed": 0, "cancelled": 0, "total": named.len()});
    let batch = json!({
        "id": id, "object": "vector_store.file_batch", "created_at": clock::unix_secs(), "vector_store_id": store,
        "status": "completed", "file_counts": counts,
    });
    keep_part(&emulator.openai, &format!("{store}/batches"), &id, batch.clone());
    Ok(Json(batch))
}

async fn batch(
    State(emulator): State<Shared>,
    Path((store, batch)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    part_of(&emulator.openai, "file_batch", &format!("{store}/batches"), &batch).map(Json)
}

async fn batch_files(
    State(emulator): State<Shared>,
    Path((store, batch)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Value>, Failure> {
    part_of(&emulator.openai, "file_batch", &format!("{store}/batches"), &batch)?;
    parts_of(&emulator.openai, &store, query).map(Json)
}

async fn page(
    State(emulator): State<Shared>,
    Path(store): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Value>, Failure> {
    check(&emulator, &store)?;
    parts_of(&emulator.openai, &store, query).map(Json)
}

async fn one(
    State(emulator): State<Shared>,
    Path((store, file)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    part_of(&emulator.openai, "file", &store, &file).map(Json)
}

async fn detach(
    State(emulator): State<Shared>,
    Path((store, file)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    part_of(&emulator.openai, "file", &store, &file)?;
    emulator.openai.parts.remove(&format!("{store}/{file}"));
    Ok(Json(deleted(&file, "vector_store.file.deleted")))
}

async fn content(
    State(emulator): State<Shared>,
    Path((store, file)): Path<(String, String)>,
) -> Result<Json<Value>, Failure> {
    part_of(&emulator.openai, "file", &store, &file)?;
    Ok(Json(
        json!({"object": "vector_store.file_content.page", "data": [text(&emulator, &file)], "has_more": false, "next_page": null}),
    ))
}

fn text(emulator: &Emulator, file: &str) -> Value {
    let bytes = emulator.openai.files.get(file).map(|file| file.bytes).unwrap_or_default();
    json!({"type": "text", "text": String::from_utf8_lossy(&bytes)})
}

async fn search(
    State(emulator): State<Shared>,
    Path(store): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    check(&emulator, &store)?;
    let request: Value = parse(&body)?;
    let within = parts_of(&emulator.openai, &store, PageQuery::default())?;
    let found = within["data"].as_array().into_iter().flatten().filter_map(|file| file["id"].as_str());
    let found: Vec<Value> = found
        .map(|file| json!({"file_id": file, "filename": "file", "score": 1.0, "attributes": {}, "content": [text(&emulator, file)]}))
        .collect();
    Ok(Json(json!({
        "object": "vector_store.search_results.page", "search_query": [request["query"]], "data": found,
        "has_more": false, "next_page": null,
    })))
}
