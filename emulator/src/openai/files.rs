//! `/v1/files`: uploads are kept in memory and come back byte for byte.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;

use super::{bad_cursor, deleted, list};
use crate::{
    blob, clock,
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    multipart::Form,
    provider::Provider,
    shelf::PageQuery,
};

/// The real limit is 10,000 too.
const DEFAULT_PAGE: usize = 10_000;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/files", get(page).post(upload))
        .route("/openai/v1/files/{id}", get(one).delete(delete))
        .route("/openai/v1/files/{id}/content", get(content))
}

#[derive(Clone)]
pub struct StoredFile {
    object: FileObject,
    pub bytes: Bytes,
}

impl StoredFile {
    pub fn id(&self) -> &str {
        &self.object.id
    }
}

#[derive(Clone, Serialize)]
struct FileObject {
    id: String,
    object: &'static str,
    bytes: usize,
    created_at: i64,
    expires_at: Option<i64>,
    filename: String,
    purpose: String,
    status: &'static str,
    status_details: Option<String>,
}

impl Serialize for StoredFile {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.object.serialize(serializer)
    }
}

async fn upload(State(emulator): State<Shared>, headers: HeaderMap, body: Bytes) -> Result<Json<StoredFile>, Failure> {
    let form = Form::read(&headers, &body).ok_or_else(|| Provider::OpenAi.invalid("The form cannot be read."))?;
    let purpose = form.text("purpose").ok_or_else(|| missing("purpose"))?;
    let part = form.part("file").ok_or_else(|| missing("file"))?;
    Ok(Json(add(&emulator, part.filename.as_deref().unwrap_or("upload"), purpose, &part.content)))
}

/// Copied, so that the rest of a request body is not kept with a small file.
pub fn add(emulator: &Emulator, filename: &str, purpose: &str, content: &[u8]) -> StoredFile {
    let object = FileObject {
        id: ids::id("file-"),
        object: "file",
        bytes: content.len(),
        created_at: clock::unix_secs(),
        expires_at: None,
        filename: filename.to_owned(),
        purpose: purpose.to_owned(),
        status: "processed",
        status_details: None,
    };
    let stored = StoredFile { object, bytes: Bytes::copy_from_slice(content) };
    let weight = stored.bytes.len() as u64;
    emulator.openai.files.insert_weighing(stored.object.id.clone(), stored.clone(), weight);
    stored
}

fn missing(param: &'static str) -> Failure {
    Provider::OpenAi.invalid(format!("'{param}' is a required property")).param(param)
}

async fn page(State(emulator): State<Shared>, Query(query): Query<PageQuery>) -> Result<Json<Value>, Failure> {
    let wanted = |file: &StoredFile| query.purpose.as_ref().is_none_or(|purpose| *purpose == file.object.purpose);
    let page = emulator.openai.files.page(&query, DEFAULT_PAGE, wanted).ok_or_else(bad_cursor)?;
    Ok(Json(list(page)))
}

async fn one(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<StoredFile>, Failure> {
    emulator.openai.files.get(&id).map(Json).ok_or_else(|| no_such_file(&id))
}

async fn delete(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.openai.files.remove(&id).ok_or_else(|| no_such_file(&id))?;
    Ok(Json(deleted(&id, "file")))
}

async fn content(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Response, Failure> {
    let file = emulator.openai.files.get(&id).ok_or_else(|| no_such_file(&id))?;
    let name = file.object.filename.replace(|c: char| !c.is_ascii_graphic() || c == '"' || c == '\\', "_");
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, blob::stored(file.bytes)).into_response())
}

pub fn no_such_file(id: &str) -> Failure {
    Provider::OpenAi.not_found(format!("No such File object: {id}")).param("id")
}
