//! Checkout: sessions, their page with a button to pay, and addresses that begin one as payment links do.

use std::collections::HashMap;

use axum::{
    Form,
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Redirect, Response},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Billing, Refusal, field, front::Call, keys::Caller, list, localstripe::Pairs, pages};
use crate::{clock::unix_secs, emulator::Shared, ids};

/// The cards of Stripe's tests: one that pays, and one that doesn't.
const GOOD_CARD: &str = "4242424242424242";
const BAD_CARD: &str = "4000000000000002";

impl Billing {
    pub async fn create_session(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let price =
            call.said("line_items[0][price]").ok_or_else(|| Refusal::new(400, "Missing: line_items[0][price]"))?;
        if let Some(customer) = call.said("customer") {
            self.refuse_another_currency(customer, price).await?;
        }
        if call.said("mode") != Some("subscription") {
            return Err(Refusal::new(400, "Only sessions with mode=subscription are emulated."));
        }
        let object =
            |pairs: Pairs| Value::Object(pairs.into_iter().map(|(name, value)| (name, value.into())).collect());
        let mut wanted = Map::new();
        for name in ["customer", "customer_email", "client_reference_id", "success_url", "cancel_url"] {
            wanted.insert(name.to_owned(), call.said(name).map_or(Value::Null, Value::from));
        }
        wanted.insert("metadata".to_owned(), object(call.under("metadata")));
        wanted.insert("subscription_metadata".to_owned(), object(call.under("subscription_data[metadata]")));
        let trial = call.said("subscription_data[trial_period_days]").map_or(Value::Null, Value::from);
        wanted.insert("trial_period_days".to_owned(), trial);
        Ok(self.open_session(price, wanted, call.public_url))
    }

    fn open_session(&self, price: &str, wanted: Map<String, Value>, public_url: &str) -> Value {
        let id = ids::id("cs_test_");
        let mut session = json!({
            "id": id, "object": "checkout.session", "created": unix_secs(), "livemode": false, "mode": "subscription",
            "status": "open", "payment_status": "unpaid", "subscription": null, "price": price,
            "url": format!("{public_url}/stripe/checkout/{id}"),
        });
        if let Some(fields) = session.as_object_mut() {
            fields.extend(wanted);
        }
        self.stock().sessions.insert(0, session.clone());
        session
    }

    /// As Stripe does while anything in the other currency runs.
    async fn refuse_another_currency(&self, customer: &str, price: &str) -> Result<(), Refusal> {
        let wanted = self.price(price).await?;
        for subscription in self.subscriptions_of(customer).await? {
            let paid = field(&subscription["items"]["data"][0]["plan"], "currency");
            if !paid.is_empty() && paid != field(&wanted, "currency") {
                let why =
                    "You cannot combine currencies on a single customer. This customer has an active subscription";
                return Err(Refusal::new(400, format!("{why} with currency {paid}.")));
            }
        }
        Ok(())
    }

    /// Nobody can pay on it any more; one that is complete stays so.
    pub fn expire_session(&self, id: &str) -> Result<Value, Refusal> {
        let mut stock = self.stock();
        let session = stock.sessions.iter_mut().find(|session| field(session, "id") == id);
        let session = session.ok_or_else(|| Refusal::not_found("checkout.session"))?;
        if session["status"] != "open" {
            return Err(Refusal::new(400, "Only Checkout Sessions with a status in [\"open\"] can be expired."));
        }
        session["status"] = json!("expired");
        Ok(session.clone())
    }

    pub fn session(&self, id: &str) -> Result<Value, Refusal> {
        let found = self.stock().sessions.iter().find(|session| field(session, "id") == id).cloned();
        found.ok_or_else(|| Refusal::not_found("checkout.session"))
    }

    pub fn sessions(&self, call: &Call<'_>) -> Value {
        let (customer, subscription, status) = (call.said("customer"), call.said("subscription"), call.said("status"));
        let fits = |session: &&Value| {
            customer.is_none_or(|id| field(session, "customer") == id)
                && subscription.is_none_or(|id| field(session, "subscription") == id)
                && status.is_none_or(|status| field(session, "status") == status)
        };
        list(
            &self.stock().sessions.iter().filter(fits).take(100).cloned().collect::<Vec<_>>(),
            false,
            "/v1/checkout/sessions",
        )
    }

    /// Customer, card, subscription; then the session is complete.
    async fn pay(&self, id: &str, payment: &Payment) -> Result<Value, Refusal> {
        let mut session = self.session(id)?;
        if session["status"] == "expired" {
            return Err(Refusal::new(400, "This page has expired."));
        }
        if session["status"] != "open" {
            return Ok(session);
        }
        let caller = Caller { live: session["livemode"] == true };
        let customer = match session["customer"].as_str() {
            Some(customer) => customer.to_owned(),
            None => field(&self.localstripe.post("customers", &[("email", &payment.email)]).await?, "id").to_owned(),
        };
        let card = if payment.card == "declined" { BAD_CARD } else { GOOD_CARD };
        let card = [
            ("type", "card"),
            ("card[number]", card),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2050"),
            ("card[cvc]", "123"),
        ];
        let method = field(&self.localstripe.post("payment_methods", &card).await?, "id").to_owned();
        self.localstripe.post(&format!("payment_methods/{method}/attach"), &[("customer", &customer)]).await?;
        let default = [("invoice_settings[default_payment_method]", method.as_str())];
        self.localstripe.post(&format!("customers/{customer}"), &default).await?;
        let mut form = vec![("customer".to_owned(), customer.clone())];
        form.push(("items[0][plan]".to_owned(), field(&session, "price").to_owned()));
        let days = session["trial_period_days"].as_str().map(|days| ("trial_period_days".to_owned(), days.to_owned()));
        form.extend(days);
        for (name, value) in session["subscription_metadata"].as_object().into_iter().flatten() {
            form.push((format!("metadata[{name}]"), value.as_str().unwrap_or_default().to_owned()));
        }
        let mut subscription = self.localstripe.call(http::Method::POST, "subscriptions", &Pairs::new(), &form).await?;
        self.finish(&mut subscription, caller);
        for (name, value) in [
            ("status", json!("complete")),
            ("payment_status", json!("paid")),
            ("customer", json!(customer)),
            ("subscription", subscription["id"].clone()),
            ("customer_details", json!({"email": payment.email})),
        ] {
            session[name] = value;
        }
        if let Some(kept) = self.stock().sessions.iter_mut().find(|kept| field(kept, "id") == id) {
            *kept = session.clone();
        }
        let invoice = json!({"id": subscription["latest_invoice"], "object": "invoice", "customer": customer,
            "subscription": subscription["id"], "status": "paid"});
        self.tell("customer.subscription.created", &subscription, caller);
        self.tell("checkout.session.completed", &session, caller);
        self.tell("invoice.paid", &invoice, caller);
        Ok(session)
    }
}

#[derive(Deserialize)]
pub struct Payment {
    #[serde(default)]
    email: String,
    #[serde(default)]
    card: String,
}

/// As a payment link: `?client_reference_id=…&prefilled_email=…`, and where to go afterwards.
pub async fn buy(
    State(emulator): State<Shared>,
    Path(price): Path<String>,
    Query(mut said): Query<HashMap<String, String>>,
) -> Redirect {
    let mut wanted = Map::new();
    for (name, from) in [
        ("client_reference_id", "client_reference_id"),
        ("customer_email", "prefilled_email"),
        ("success_url", "success_url"),
    ] {
        wanted.insert(name.to_owned(), said.remove(from).map_or(Value::Null, Value::from));
    }
    wanted.insert("customer".to_owned(), Value::Null);
    let session = emulator.billing.open_session(&price, wanted, &emulator.public_url);
    Redirect::to(field(&session, "url"))
}

pub async fn page(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Html<String>, Refusal> {
    let session = emulator.billing.session(&id)?;
    Ok(pages::checkout(&session, None))
}

pub async fn pay(State(emulator): State<Shared>, Path(id): Path<String>, Form(payment): Form<Payment>) -> Response {
    match emulator.billing.pay(&id, &payment).await {
        Ok(session) => match session["success_url"].as_str() {
            Some(url) => Redirect::to(&url.replace("{CHECKOUT_SESSION_ID}", &id)).into_response(),
            None => pages::paid().into_response(),
        },
        Err(refusal) => match emulator.billing.session(&id) {
            Ok(session) => {
                let why = refusal.error["message"].as_str().unwrap_or("The payment failed.");
                (StatusCode::PAYMENT_REQUIRED, pages::checkout(&session, Some(why))).into_response()
            }
            Err(unknown) => unknown.into_response(),
        },
    }
}
