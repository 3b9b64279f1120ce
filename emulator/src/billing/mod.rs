//! Sellers of subscriptions. Stripe: what localstripe keeps, a program of its own, and before it what that lacks (Checkout, the
//! portal, prices, events, permissions of keys, webhooks that come late or twice). RevenueCat: what a test says of somebody.

mod checkout;
mod control;
mod events;
mod front;
mod keys;
mod localstripe;
mod pages;
mod portal;
mod prices;
mod records;
mod revenue_cat;

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use http::StatusCode;
use serde_json::{Map, Value, json};

use self::{events::Habits, localstripe::Localstripe};
use crate::{config::Config, emulator::Shared};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/stripe/v1/{*path}", any(front::answer))
        .route("/stripe/buy/{price}", get(checkout::buy))
        .route("/stripe/checkout/{id}", get(checkout::page))
        .route("/stripe/checkout/{id}/pay", post(checkout::pay))
        .route("/stripe/portal/{id}", get(portal::page))
        .route("/stripe/portal/{id}/cancel", post(portal::cancel))
        .route("/revenuecat/v1/subscribers/{id}", get(revenue_cat::subscriber))
        .merge(control::routes())
}

/// Whether faults apply to the path.
pub fn sells(path: &str) -> bool {
    path.starts_with("/stripe/") || path.starts_with("/revenuecat/")
}

pub struct Billing {
    localstripe: Localstripe,
    client: reqwest::Client,
    stock: Mutex<Stock>,
}

/// What localstripe does not keep.
#[derive(Default)]
struct Stock {
    /// Of Checkout, newest first.
    sessions: Vec<Value>,
    /// Of the portal: the customer, and where to go back to.
    portals: HashMap<String, (String, String)>,
    /// Newest first.
    events: Vec<Value>,
    /// Laid over subscriptions, by id.
    overlays: HashMap<String, Map<String, Value>>,
    /// Of RevenueCat, by app user id.
    subscribers: HashMap<String, Value>,
    habits: Habits,
}

impl Billing {
    #[expect(clippy::disallowed_methods, reason = "calls localstripe and the webhooks' receivers, on this machine")]
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?;
        let localstripe = Localstripe::new(config.localstripe_url.clone(), client.clone());
        Ok(Self { localstripe, client, stock: Mutex::default() })
    }

    pub fn clear(&self) {
        let mut stock = self.stock();
        *stock = Stock { habits: std::mem::take(&mut stock.habits), ..Stock::default() };
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As Stripe says no.
#[derive(Debug)]
pub struct Refusal {
    status: u16,
    error: Value,
}

impl Refusal {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, error: json!({"type": "invalid_request_error", "message": message.into()}) }
    }

    fn with_code(mut self, code: &str) -> Self {
        self.error["code"] = Value::from(code);
        self
    }

    fn not_found(what: &str) -> Self {
        Self::new(404, format!("No such {what}")).with_code("resource_missing")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, axum::Json(json!({"error": self.error}))).into_response()
    }
}

fn list(data: &[Value], has_more: bool, url: &str) -> Value {
    json!({"object": "list", "url": url, "has_more": has_more, "data": data})
}

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
