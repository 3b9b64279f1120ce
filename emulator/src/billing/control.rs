//! How a test steers the sellers, under `/_billing`: who gets webhooks and how, what a subscription looks like, who has bought
//! what in the app stores.

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Refusal, events::Habits, keys::Caller};
use crate::{emulator::Shared, ids};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/_billing/webhooks", get(habits).put(set_habits))
        .route("/_billing/events", get(events))
        .route("/_billing/events/{id}/resend", post(resend))
        .route("/_billing/subscriptions/{id}", post(overlay))
        .route("/_billing/subscribers/{id}", post(set_subscriber))
}

async fn habits(State(emulator): State<Shared>) -> Json<Habits> {
    Json(emulator.billing.stock().habits.clone())
}

async fn set_habits(State(emulator): State<Shared>, body: Bytes) -> Response {
    match serde_json::from_slice(&body) {
        Ok(habits) => {
            emulator.billing.stock().habits = habits;
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response(),
    }
}

/// Newest first, with what they told.
async fn events(State(emulator): State<Shared>) -> Json<Value> {
    Json(Value::Array(emulator.billing.stock().events.clone()))
}

async fn resend(State(emulator): State<Shared>, Path(id): Path<String>) -> StatusCode {
    if emulator.billing.resend(&id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

/// Fields that are laid over the subscription from now on, such as `{"status": "past_due"}`; it is told as an update.
async fn overlay(
    State(emulator): State<Shared>,
    Path(id): Path<String>,
    Json(fields): Json<serde_json::Map<String, Value>>,
) -> Result<Json<Value>, Refusal> {
    let (billing, caller) = (&emulator.billing, Caller { live: false });
    let mut subscription = billing.localstripe.get(&format!("subscriptions/{id}"), &Vec::new()).await?;
    billing.stock().overlays.entry(id).or_default().extend(fields);
    billing.finish(&mut subscription, caller);
    billing.tell("customer.subscription.updated", &subscription, caller);
    Ok(Json(subscription))
}

/// `{"subscriber": {…}, "event": {"type": "RENEWAL", …}}`; without an event nobody is told.
async fn set_subscriber(
    State(emulator): State<Shared>,
    Path(id): Path<String>,
    Json(mut said): Json<Value>,
) -> StatusCode {
    let subscriber = said["subscriber"].take();
    emulator.billing.stock().subscribers.insert(id.clone(), subscriber);
    let mut event = said["event"].take();
    if event.is_object() {
        for (name, value) in
            [("id", json!(ids::id("rc_"))), ("app_user_id", json!(id)), ("environment", json!("PRODUCTION"))]
        {
            if event.get(name).is_none() {
                event[name] = value;
            }
        }
        emulator.billing.send_to_revenue_cat_receivers(&event);
    }
    StatusCode::NO_CONTENT
}
