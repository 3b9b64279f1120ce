//! `/revenuecat/v1/subscribers/{app user id}`: what a test said of somebody; nobody who is asked for stays unknown. A key named
//! `sk_…_v2` is one of version 2 of their API, which version 1 refuses.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::{clock, emulator::Shared};

pub async fn subscriber(State(emulator): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let key = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !key.starts_with("Bearer sk_") || key.ends_with("_v2") {
        let refusal = json!({"code": 7225, "message": "Invalid API Key."});
        return (StatusCode::UNAUTHORIZED, Json(refusal)).into_response();
    }
    let known = emulator.billing.stock().subscribers.get(&id).cloned();
    let status = if known.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    let mut subscriber: Value = json!({
        "original_app_user_id": id, "entitlements": {}, "subscriptions": {}, "non_subscriptions": {}, "other_purchases": {},
        "subscriber_attributes": {}, "management_url": null,
    });
    match known.as_ref().and_then(Value::as_object) {
        Some(known) => known.iter().for_each(|(name, value)| subscriber[name] = value.clone()),
        None => drop(emulator.billing.stock().subscribers.insert(id, json!({}))),
    }
    let now_ms = clock::unix_secs() * 1_000;
    (status, Json(json!({"request_date_ms": now_ms, "subscriber": subscriber}))).into_response()
}
