//! `/upload/v1beta/files`: resumable (start, then one or more uploads), multipart/related, and plain bytes.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use serde_json::{Value, json};

use super::files;
use crate::{
    emulator::{Emulator, Shared},
    failure::Failure,
    ids, multipart,
    provider::Provider,
};

/// The real value; pieces of any size are taken here.
const GRANULARITY: &str = "8388608";
const MAX_UPLOAD_BYTES: usize = 256 * 1024 * 1024;

#[derive(Clone)]
pub struct Upload {
    display_name: Option<String>,
    mime_type: String,
    received: BytesMut,
}

pub async fn receive(
    State(emulator): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    if let Some(id) = query.get("upload_id") {
        return resume(&emulator, id, &headers, &body);
    }
    let protocol = text(&headers, "x-goog-upload-protocol")
        .or_else(|| query.get("uploadType").map(String::as_str))
        .or_else(|| query.get("upload_protocol").map(String::as_str));
    match protocol {
        Some("resumable") => start(&emulator, &headers, &body),
        Some("multipart") => whole(&emulator, &headers, &body),
        _ => {
            let mime_type = text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or("application/octet-stream");
            Ok(Json(json!({"file": files::add(&emulator, None, mime_type, &body)})).into_response())
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `{"file": {"displayName", "mimeType"}}`, also with underscores.
fn file_fields(body: &[u8]) -> (Option<String>, Option<String>) {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |names: [&str; 2]| names.iter().find_map(|name| request["file"][*name].as_str()).map(str::to_owned);
    (field(["displayName", "display_name"]), field(["mimeType", "mime_type"]))
}

fn start(emulator: &Emulator, headers: &HeaderMap, body: &Bytes) -> Result<Response, Failure> {
    if text(headers, "x-goog-upload-command") != Some("start") {
        return Err(Provider::Gemini.invalid("X-Goog-Upload-Command: expected start"));
    }
    let (display_name, mime_type) = file_fields(body);
    let mime_type = text(headers, "x-goog-upload-header-content-type").map(str::to_owned).or(mime_type);
    let id = ids::id("");
    let url = format!("{}/gemini/upload/v1beta/files?upload_id={id}&upload_protocol=resumable", emulator.public_url);
    let upload = Upload {
        display_name,
        mime_type: mime_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        received: BytesMut::new(),
    };
    emulator.gemini.uploads.insert(id, upload);
    let fields = [
        ("x-goog-upload-url", url.clone()),
        ("x-goog-upload-control-url", url),
        ("x-goog-upload-status", "active".to_owned()),
        ("x-goog-upload-chunk-granularity", GRANULARITY.to_owned()),
    ];
    Ok((fields, Json(json!({}))).into_response())
}

/// One request of a resumable upload: `query`, `upload`, `finalize`, `upload, finalize` or `cancel`.
fn resume(emulator: &Emulator, id: &str, headers: &HeaderMap, body: &Bytes) -> Result<Response, Failure> {
    let uploads = &emulator.gemini.uploads;
    let unknown = || Provider::Gemini.not_found("Upload not found.");
    let commands: Vec<&str> =
        text(headers, "x-goog-upload-command").unwrap_or("upload, finalize").split(',').map(str::trim).collect();
    if commands.contains(&"cancel") {
        uploads.remove(id).ok_or_else(unknown)?;
        return Ok(([("x-goog-upload-status", "cancelled")], Json(json!({}))).into_response());
    }
    let offset = text(headers, "x-goog-upload-offset").and_then(|offset| offset.parse::<usize>().ok());
    let received = uploads.change(id, |upload| {
        if commands.contains(&"upload") {
            append(upload, offset, body)?;
        }
        Ok(upload.received.len())
    });
    let received = received.ok_or_else(unknown)??;
    if !commands.contains(&"finalize") {
        let size = received.to_string();
        let fields = [("x-goog-upload-status", "active".to_owned()), ("x-goog-upload-size-received", size)];
        return Ok((fields, Json(json!({}))).into_response());
    }
    let upload = uploads.remove(id).ok_or_else(unknown)?;
    let file = files::add(emulator, upload.display_name.as_deref(), &upload.mime_type, &upload.received);
    Ok(([("x-goog-upload-status", "final")], Json(json!({"file": file}))).into_response())
}

fn append(upload: &mut Upload, offset: Option<usize>, body: &Bytes) -> Result<(), Failure> {
    if offset.is_some_and(|offset| offset != upload.received.len()) {
        let message = format!("X-Goog-Upload-Offset: expected {}.", upload.received.len());
        return Err(Provider::Gemini.invalid(message));
    }
    if upload.received.len() + body.len() > MAX_UPLOAD_BYTES {
        return Err(Provider::Gemini.invalid("The upload is larger than 256 MiB."));
    }
    upload.received.extend_from_slice(body);
    Ok(())
}

/// multipart/related: the JSON of the file, then its bytes.
fn whole(emulator: &Emulator, headers: &HeaderMap, body: &Bytes) -> Result<Response, Failure> {
    let parts = multipart::parts(headers, body);
    let Some([fields, content]) = parts.as_deref() else {
        return Err(Provider::Gemini.invalid("Expected two parts: the file's JSON and its bytes."));
    };
    let (display_name, mime_type) = file_fields(&fields.content);
    let mime_type = content.content_type.clone().or(mime_type);
    let mime_type = mime_type.as_deref().unwrap_or("application/octet-stream");
    let file = files::add(emulator, display_name.as_deref(), mime_type, &content.content);
    Ok(Json(json!({"file": file})).into_response())
}
