//! `/echo/…`: stands for a custom API and answers what reached it.

use axum::{
    Json, Router,
    extract::{Request, State},
    routing::any,
};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::{
    emulator::Shared,
    failure::Failure,
    provider::Provider,
    seen::{hide, render_headers, sha256_hex},
};

pub fn routes() -> Router<Shared> {
    Router::new().route("/echo", any(echo)).route("/echo/{*path}", any(echo))
}

/// The key is answered as `[key]`; use the fault `echo_key` for an API that leaks it.
async fn echo(State(emulator): State<Shared>, request: Request) -> Result<Json<Value>, Failure> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Provider::Echo.invalid("the body broke off"))?.to_bytes();
    let keys = emulator.shown_keys();
    Ok(Json(json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "query": parts.uri.query().map(|query| hide(query, &keys)),
        "headers": render_headers(&parts.headers, &keys),
        "body_sha256": sha256_hex(&body),
        "body_len": body.len(),
        "body_json": serde_json::from_slice::<Value>(&body).ok(),
    })))
}
