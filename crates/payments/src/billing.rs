//! Our own account at Stripe: developers pay us there. What they have is read as any seller's customer is; beside that, it
//! takes them to Stripe's pages. A price never comes from outside the configuration.

use std::collections::BTreeSet;

use keyward_domain::ids::AccountId;
use serde::Deserialize;
use time::OffsetDateTime;
use url::Url;

use crate::seller::{
    Access, KeyRefusal, Mode, ReadError, Reading, Seller, VerifiedEvent, Webhook, WebhookRefusal, WebhookSecret,
};
use crate::stripe::{Form, Stripe};

const CHECKOUT: &str = "Checkout Sessions (write)";

pub struct OwnStripe {
    stripe: Stripe,
    access: Access,
    secrets: Vec<WebhookSecret>,
}

#[derive(Debug, thiserror::Error)]
pub enum OwnStripeError {
    #[error("{0}")]
    Key(#[from] KeyRefusal),
    #[error("{0}")]
    Secret(&'static str),
}

/// What a developer is taken to pay for.
pub struct Checkout<'a> {
    pub account: AccountId,
    pub customer: &'a str,
    pub price: &'a str,
    /// 0 for none.
    pub trial_days: u16,
    pub success_url: &'a Url,
    pub cancel_url: &'a Url,
}

/// What matters of a price that a tier is sold at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFacts {
    pub is_active: bool,
    pub is_recurring: bool,
    pub currencies: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

#[derive(Deserialize)]
struct Opened {
    url: Url,
}

/// A page of Checkout that can be paid on.
#[derive(Deserialize)]
pub struct CheckoutPage {
    pub id: String,
    pub url: Url,
}

#[derive(Deserialize)]
struct Pages {
    data: Vec<Made>,
}

impl OwnStripe {
    /// `address` is elsewhere than Stripe only in development.
    pub fn new(address: Option<&Url>, key: &str, secrets: &[&str]) -> Result<Self, OwnStripeError> {
        let stripe = Stripe::new(address);
        let is_live = key.trim().get(2..).is_some_and(|rest| rest.starts_with("_live_"));
        let mode = Mode::of(is_live);
        let access = Access { key: stripe.parse_key(key, mode)?, mode };
        let secrets: Result<Vec<_>, _> = secrets.iter().map(|secret| stripe.parse_secret(secret)).collect();
        Ok(Self { stripe, access, secrets: secrets.map_err(OwnStripeError::Secret)? })
    }

    pub fn verify(&self, webhook: Webhook<'_>, now: OffsetDateTime) -> Result<VerifiedEvent, WebhookRefusal> {
        self.stripe.verify(webhook, &self.secrets, self.access.mode, now).map(|(_, event)| event)
    }

    pub async fn read(&self, customer: &str) -> Result<Reading, ReadError> {
        self.stripe.read(&self.access, customer).await
    }

    pub fn mode(&self) -> Mode {
        self.access.mode
    }

    /// `None` where this key's mode has none of that id.
    pub async fn price(&self, id: &str) -> Result<Option<PriceFacts>, ReadError> {
        let price = self.stripe.price(&self.access, id).await?;
        Ok(price.map(|price| PriceFacts {
            is_active: price.active,
            is_recurring: price.is_recurring(),
            currencies: price.currencies(),
        }))
    }

    /// The same for the same account, however often it is asked for within a day.
    pub async fn make_customer(&self, account: AccountId, email: &str) -> Result<String, ReadError> {
        let account = account.to_string();
        let form = Form {
            permission: "Customers (write)",
            path: "/customers",
            fields: &[("email", email), ("metadata[keyward_account]", &account)],
            idempotency_key: Some(&format!("keyward-customer-{account}")),
        };
        Ok(self.stripe.post::<Made>(&self.access, form).await?.id)
    }

    pub async fn checkout(&self, checkout: Checkout<'_>) -> Result<CheckoutPage, ReadError> {
        let (account, days) = (checkout.account.to_string(), checkout.trial_days.to_string());
        let mut fields = vec![
            ("mode", "subscription"),
            ("customer", checkout.customer),
            ("client_reference_id", &account),
            ("line_items[0][price]", checkout.price),
            ("line_items[0][quantity]", "1"),
            ("success_url", checkout.success_url.as_str()),
            ("cancel_url", checkout.cancel_url.as_str()),
        ];
        if checkout.trial_days > 0 {
            fields.push(("subscription_data[trial_period_days]", &days));
        }
        let form = Form { permission: CHECKOUT, path: "/checkout/sessions", fields: &fields, idempotency_key: None };
        self.stripe.post(&self.access, form).await
    }

    /// The newest first.
    pub async fn open_checkouts(&self, customer: &str) -> Result<Vec<String>, ReadError> {
        let pages: Pages = self.stripe.open_sessions(&self.access, customer).await?;
        Ok(pages.data.into_iter().map(|page| page.id).collect())
    }

    /// Nobody can pay on it any more. Refused with a status where somebody has, or it is over.
    pub async fn expire_checkout(&self, page: &str) -> Result<(), ReadError> {
        let path = format!("/checkout/sessions/{page}/expire");
        let form = Form { permission: CHECKOUT, path: &path, fields: &[], idempotency_key: None };
        self.stripe.post::<Made>(&self.access, form).await.map(drop)
    }

    /// Where a customer changes or cancels a subscription, and finds the invoices.
    pub async fn portal(&self, customer: &str, return_url: &Url) -> Result<Url, ReadError> {
        let fields = [("customer", customer), ("return_url", return_url.as_str())];
        let (permission, path) = ("Customer portal (write)", "/billing_portal/sessions");
        let form = Form { permission, path, fields: &fields, idempotency_key: None };
        Ok(self.stripe.post::<Opened>(&self.access, form).await?.url)
    }
}
