//! `/stripe/v1/…`: Stripe's API. What is not answered here goes to localstripe; what changes something becomes an event.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::Value;
use url::form_urlencoded;

use super::{Billing, Refusal, field, keys, keys::Caller, list, localstripe::Pairs, records::dress};
use crate::emulator::Shared;

pub async fn answer(
    State(emulator): State<Shared>,
    (method, uri, headers): (Method, Uri, HeaderMap),
    Path(path): Path<String>,
    body: Bytes,
) -> Response {
    let segments: Vec<&str> = path.split('/').collect();
    let caller = match keys::check(&headers, &segments) {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let pairs = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<Pairs>();
    let (query, form) = (pairs(uri.query().unwrap_or_default().as_bytes()), pairs(&body));
    let call = Call { method, path: &path, query, form, public_url: &emulator.public_url };
    match emulator.billing.call(&call, &segments).await {
        Ok(mut value) => {
            emulator.billing.finish(&mut value, caller);
            if let Some(kind) = changed(&call.method, &segments) {
                emulator.billing.tell(kind, &value, caller);
            }
            Json(value).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

pub struct Call<'a> {
    pub method: Method,
    path: &'a str,
    query: Pairs,
    pub form: Pairs,
    pub public_url: &'a str,
}

impl Call<'_> {
    pub fn said(&self, name: &str) -> Option<&str> {
        let both = self.form.iter().chain(&self.query);
        both.into_iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Fields of the form that begin so, with the rest of their names in brackets.
    pub fn under(&self, prefix: &str) -> Pairs {
        let inner = |(name, value): &(String, String)| {
            let rest = name.strip_prefix(prefix)?.strip_prefix('[')?.replacen(']', "", 1);
            Some((rest, value.clone()))
        };
        self.form.iter().filter_map(inner).collect()
    }
}

impl Billing {
    async fn call(&self, call: &Call<'_>, segments: &[&str]) -> Result<Value, Refusal> {
        match (call.method.as_str(), segments) {
            ("POST", ["checkout", "sessions"]) => self.create_session(call).await,
            ("POST", ["checkout", "sessions", id, "expire"]) => self.expire_session(id),
            ("GET", ["checkout", "sessions"]) => Ok(self.sessions(call)),
            ("GET", ["checkout", "sessions", id]) => self.session(id),
            ("POST", ["billing_portal", "sessions"]) => self.create_portal(call).await,
            ("GET", ["events"]) => Ok(self.events(&call.query)),
            ("GET", ["prices"]) => self.prices(&call.query).await,
            ("GET", ["prices", id]) => self.price(id).await,
            ("POST", ["prices"]) => self.create_price(&call.form).await,
            ("GET", ["invoices"]) => self.invoices(call).await,
            ("DELETE", ["customers", id]) => self.delete_customer(id).await,
            _ => self.localstripe.call(call.method.clone(), call.path, &call.query, &renamed(&call.form)).await,
        }
    }

    pub fn finish(&self, value: &mut Value, caller: Caller) {
        dress(value, caller, &self.stock().overlays);
    }

    /// localstripe can't tell invoices by their status.
    async fn invoices(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let (status, query): (Pairs, Pairs) = call.query.iter().cloned().partition(|(name, _)| name == "status");
        let mut invoices = self.localstripe.get("invoices", &query).await?;
        if let (Some((_, status)), Some(data)) = (status.first(), invoices["data"].as_array_mut()) {
            data.retain(|invoice| field(invoice, "status") == status);
        }
        Ok(invoices)
    }

    /// With its subscriptions, as Stripe does.
    async fn delete_customer(&self, id: &str) -> Result<Value, Refusal> {
        let query = vec![("customer".to_owned(), id.to_owned()), ("limit".to_owned(), "100".to_owned())];
        let subscriptions =
            self.localstripe.get("subscriptions", &query).await.unwrap_or_else(|_| list(&[], false, ""));
        for subscription in subscriptions["data"].as_array().into_iter().flatten() {
            self.cancel_now(field(subscription, "id")).await?;
        }
        self.localstripe.call(Method::DELETE, &format!("customers/{id}"), &Pairs::new(), &Pairs::new()).await
    }

    pub async fn cancel_now(&self, subscription: &str) -> Result<(), Refusal> {
        let path = format!("subscriptions/{subscription}");
        let mut canceled = self.localstripe.call(Method::DELETE, &path, &Pairs::new(), &Pairs::new()).await?;
        self.stock().overlays.remove(subscription);
        let caller = Caller { live: false };
        self.finish(&mut canceled, caller);
        self.tell("customer.subscription.deleted", &canceled, caller);
        Ok(())
    }
}

/// What today's libraries say, in localstripe's words.
fn renamed(form: &Pairs) -> Pairs {
    let unknown =
        |name: &str| name.starts_with("expand") || name == "payment_behavior" || name.starts_with("automatic_tax");
    let renamed = |(name, value): &(String, String)| (name.replace("[price]", "[plan]"), value.clone());
    form.iter().filter(|(name, _)| !unknown(name)).map(renamed).collect()
}

fn changed(method: &Method, segments: &[&str]) -> Option<&'static str> {
    match (method.as_str(), segments) {
        ("POST", ["subscriptions"]) => Some("customer.subscription.created"),
        ("POST", ["subscriptions", _]) => Some("customer.subscription.updated"),
        ("DELETE", ["subscriptions", _]) => Some("customer.subscription.deleted"),
        ("POST", ["customers"]) => Some("customer.created"),
        ("POST", ["customers", _]) => Some("customer.updated"),
        ("DELETE", ["customers", _]) => Some("customer.deleted"),
        ("POST", ["invoices", _, "pay"]) => Some("invoice.paid"),
        ("POST", ["invoices", _, "void"]) => Some("invoice.voided"),
        _ => None,
    }
}
