//! The customer portal: a page with the customer's subscriptions, and buttons that cancel them.

use axum::{
    Form,
    extract::{Path, State},
    response::{Html, Redirect},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Billing, Refusal, field, front::Call, keys::Caller, pages};
use crate::{clock::unix_secs, emulator::Shared, ids};

impl Billing {
    pub async fn create_portal(&self, call: &Call<'_>) -> Result<Value, Refusal> {
        let customer = call.said("customer").ok_or_else(|| Refusal::new(400, "Missing: customer"))?;
        self.localstripe.get(&format!("customers/{customer}"), &Vec::new()).await?;
        let (id, back) = (ids::id("bps_"), call.said("return_url").unwrap_or_default());
        self.stock().portals.insert(id.clone(), (customer.to_owned(), back.to_owned()));
        Ok(json!({
            "id": id, "object": "billing_portal.session", "created": unix_secs(), "customer": customer, "livemode": false,
            "return_url": back, "url": format!("{}/stripe/portal/{id}", call.public_url),
        }))
    }

    fn portal(&self, id: &str) -> Result<(String, String), Refusal> {
        self.stock().portals.get(id).cloned().ok_or_else(|| Refusal::not_found("billing_portal.session"))
    }

    pub async fn subscriptions_of(&self, customer: &str) -> Result<Vec<Value>, Refusal> {
        let query = vec![("customer".to_owned(), customer.to_owned()), ("limit".to_owned(), "100".to_owned())];
        let mut found = self.localstripe.get("subscriptions", &query).await?;
        self.finish(&mut found, Caller { live: false });
        Ok(found["data"].as_array().cloned().unwrap_or_default())
    }
}

pub async fn page(State(emulator): State<Shared>, Path(id): Path<String>) -> Result<Html<String>, Refusal> {
    let (customer, back) = emulator.billing.portal(&id)?;
    Ok(pages::portal(&id, &emulator.billing.subscriptions_of(&customer).await?, &back))
}

#[derive(Deserialize)]
pub struct Cancellation {
    subscription: String,
    /// `now`, or at the period's end.
    when: String,
}

pub async fn cancel(
    State(emulator): State<Shared>,
    Path(id): Path<String>,
    Form(cancellation): Form<Cancellation>,
) -> Result<Redirect, Refusal> {
    let billing = &emulator.billing;
    let (customer, _) = billing.portal(&id)?;
    let Cancellation { subscription, when } = cancellation;
    let all = billing.subscriptions_of(&customer).await?;
    if !all.iter().any(|one| field(one, "id") == subscription) {
        return Err(Refusal::not_found("subscription"));
    }
    if when == "now" {
        billing.cancel_now(&subscription).await?;
    } else {
        let path = format!("subscriptions/{subscription}");
        let mut updated = billing.localstripe.post(&path, &[("cancel_at_period_end", "true")]).await?;
        let caller = Caller { live: false };
        billing.finish(&mut updated, caller);
        billing.tell("customer.subscription.updated", &updated, caller);
    }
    Ok(Redirect::to(&format!("/stripe/portal/{id}")))
}
