//! The emulator's own routes, all under `/_`: what was seen, the faults, a fresh start.

use axum::{
    Json, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{emulator::Shared, faults::Fault};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/_health", get(|| async { "ok" }))
        .route("/_seen", get(seen).delete(forget_seen))
        .route("/_seen/count", get(seen_count))
        .route("/_faults", get(faults).post(arm).delete(disarm))
        .route("/_jwks_hits", get(fetches).delete(forget_fetches))
        .route("/_objects", axum::routing::delete(forget_objects))
}

#[derive(Debug, Deserialize)]
struct SeenQuery {
    #[serde(default)]
    since: u64,
}

async fn seen(State(emulator): State<Shared>, Query(query): Query<SeenQuery>) -> Json<Value> {
    Json(emulator.seen.list(query.since, &emulator.shown_keys()))
}

async fn seen_count(State(emulator): State<Shared>) -> Json<Value> {
    Json(emulator.seen.count())
}

async fn forget_seen(State(emulator): State<Shared>) -> StatusCode {
    emulator.seen.clear();
    StatusCode::NO_CONTENT
}

async fn faults(State(emulator): State<Shared>) -> Json<Value> {
    Json(emulator.faults.list())
}

/// Takes one rule or a list of rules; all are refused when one is wrong.
async fn arm(State(emulator): State<Shared>, body: Bytes) -> Response {
    match read_faults(&body) {
        Ok(faults) => Json(json!({"armed": emulator.faults.arm(faults)})).into_response(),
        Err(reason) => (StatusCode::BAD_REQUEST, Json(json!({"error": reason}))).into_response(),
    }
}

fn read_faults(body: &[u8]) -> Result<Vec<Fault>, String> {
    let rules = match serde_json::from_slice(body).map_err(|error| error.to_string())? {
        Value::Array(rules) => rules,
        rule => vec![rule],
    };
    let read = |(position, rule)| {
        let at = |reason: String| format!("rule {position}: {reason}");
        let fault: Fault = serde_json::from_value(rule).map_err(|error| at(error.to_string()))?;
        fault.validate().map_err(at)?;
        Ok(fault)
    };
    rules.into_iter().enumerate().map(read).collect()
}

async fn disarm(State(emulator): State<Shared>) -> StatusCode {
    emulator.faults.clear();
    StatusCode::NO_CONTENT
}

async fn fetches(State(emulator): State<Shared>) -> Json<Value> {
    Json(emulator.key_ring.fetches())
}

async fn forget_fetches(State(emulator): State<Shared>) -> StatusCode {
    emulator.key_ring.forget_fetches();
    StatusCode::NO_CONTENT
}

async fn forget_objects(State(emulator): State<Shared>) -> StatusCode {
    emulator.forget_objects();
    StatusCode::NO_CONTENT
}
