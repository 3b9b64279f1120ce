//! `/v1/uploads`: a large file in parts, which becomes a file when it is complete.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::post,
};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{files, no_such, parse};
use crate::{clock, emulator::Shared, failure::Failure, ids, multipart::Form, provider::Provider};

#[derive(Clone)]
pub struct Upload {
    object: Value,
    parts: Vec<(String, Bytes)>,
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/uploads", post(create))
        .route("/openai/v1/uploads/{upload}/parts", post(add_part))
        .route("/openai/v1/uploads/{upload}/complete", post(complete))
        .route("/openai/v1/uploads/{upload}/cancel", post(cancel))
}

async fn create(State(emulator): State<Shared>, body: Bytes) -> Result<Json<Value>, Failure> {
    let request: Value = parse(&body)?;
    let id = ids::id("upload_");
    let object = json!({
        "id": id, "object": "upload", "bytes": request["bytes"], "created_at": clock::unix_secs(),
        "filename": request["filename"], "purpose": request["purpose"], "status": "pending", "expires_at": clock::unix_secs() + 3600,
    });
    emulator.openai.uploads.insert(id, Upload { object: object.clone(), parts: Vec::new() });
    Ok(Json(object))
}

async fn add_part(
    State(emulator): State<Shared>,
    Path(upload): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let form = Form::read(&headers, &body).ok_or_else(|| Provider::OpenAi.invalid("The form cannot be read."))?;
    let part =
        form.part("data").ok_or_else(|| Provider::OpenAi.invalid("'data' is a required property").param("data"))?;
    let (id, content) = (ids::id("part_"), Bytes::copy_from_slice(&part.content));
    let added = emulator.openai.uploads.change(&upload, |upload| upload.parts.push((id.clone(), content)));
    added.ok_or_else(|| no_such("upload", &upload))?;
    Ok(Json(json!({"id": id, "object": "upload.part", "created_at": clock::unix_secs(), "upload_id": upload})))
}

async fn complete(State(emulator): State<Shared>, Path(id): Path<String>, body: Bytes) -> Result<Json<Value>, Failure> {
    let request: Value = parse(&body)?;
    let upload = emulator.openai.uploads.remove(&id).ok_or_else(|| no_such("upload", &id))?;
    let mut whole = BytesMut::new();
    for wanted in request["part_ids"].as_array().into_iter().flatten() {
        let part = upload.parts.iter().find(|(part, _)| wanted == part.as_str());
        let (_, content) = part.ok_or_else(|| Provider::OpenAi.invalid("A part was not found.").param("part_ids"))?;
        whole.extend_from_slice(content);
    }
    let field = |name: &str| upload.object[name].as_str().unwrap_or_default();
    let file = files::add(&emulator, field("filename"), field("purpose"), &whole);
    let mut object = upload.object.clone();
    object["status"] = Value::from("completed");
    object["file"] = json!(file);
    Ok(Json(object))
}

async fn cancel(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Failure> {
    let mut upload = emulator.openai.uploads.remove(&id).ok_or_else(|| no_such("upload", &id))?;
    upload.object["status"] = Value::from("cancelled");
    Ok(Json(upload.object))
}
