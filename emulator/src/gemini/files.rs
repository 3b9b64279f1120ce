//! `/v1beta/files`: what was uploaded; the bytes themselves cannot be fetched, as with the real API.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    clock,
    emulator::{Emulator, Shared},
    failure::Failure,
    ids,
    provider::Provider,
    seen::sha256_hex,
    shelf::PageQuery,
};

const DEFAULT_PAGE: usize = 10;
const KEPT: Duration = Duration::hours(48);

/// The JSON of a file, without its bytes.
#[derive(Clone)]
pub struct StoredFile {
    object: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilesQuery {
    page_size: Option<usize>,
    page_token: Option<String>,
}

pub fn add(emulator: &Emulator, display_name: Option<&str>, mime_type: &str, bytes: &[u8]) -> Value {
    let id = ids::short_id();
    let now = clock::now();
    let written = |time: OffsetDateTime| time.format(&Rfc3339).unwrap_or_default();
    let mut object = json!({
        "name": format!("files/{id}"),
        "mimeType": mime_type,
        "sizeBytes": bytes.len().to_string(),
        "createTime": written(now),
        "updateTime": written(now),
        "expirationTime": written(now + KEPT),
        // The real API has the base64 of the digest in hex.
        "sha256Hash": BASE64_STANDARD.encode(sha256_hex(bytes)),
        "uri": format!("{}/gemini/v1beta/files/{id}", emulator.public_url),
        "state": "ACTIVE",
        "source": "UPLOADED",
    });
    if let Some(display_name) = display_name {
        object["displayName"] = Value::from(display_name);
    }
    emulator.gemini.files.insert(id, StoredFile { object: object.clone() });
    object
}

pub async fn page(State(emulator): State<Shared>, Query(query): Query<FilesQuery>) -> Result<Json<Value>, Failure> {
    let query = PageQuery {
        limit: query.page_size,
        after: query.page_token.filter(|token| !token.is_empty()),
        ..PageQuery::default()
    };
    let page = emulator.gemini.files.page(&query, DEFAULT_PAGE, |_| true);
    let page = page.ok_or_else(|| Provider::Gemini.invalid("Page token is not valid."))?;
    let next = page.has_more.then(|| page.items.last().map(|(id, _)| id.clone())).flatten();
    let files: Vec<Value> = page.items.into_iter().map(|(_, file)| file.object).collect();
    let mut answer = json!({});
    if !files.is_empty() {
        answer["files"] = Value::from(files);
    }
    if let Some(next) = next {
        answer["nextPageToken"] = Value::from(next);
    }
    Ok(Json(answer))
}

pub async fn one(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.gemini.files.get(&id).map(|file| Json(file.object)).ok_or_else(|| no_such_file(&id))
}

pub async fn delete(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    emulator.gemini.files.remove(&id).ok_or_else(|| no_such_file(&id))?;
    Ok(Json(json!({})))
}

/// The real API does not tell a foreign file from one that does not exist.
fn no_such_file(id: &str) -> Failure {
    let message = format!("You do not have permission to access the File {id} or it may not exist.");
    Provider::Gemini.failure(StatusCode::FORBIDDEN, message)
}
