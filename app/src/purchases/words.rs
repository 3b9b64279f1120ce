//! What has to be done at each seller, in its own words.

use keyward_domain::plans::{PurchaseSource, STRIPE_EVENTS, stripe_permissions};
use serde::{Deserialize, Serialize};

/// Which of a seller's two worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShopMode {
    #[default]
    Test,
    Live,
}

/// How a seller is connected.
pub struct Guide {
    /// Where users buy there.
    pub what: &'static str,
    pub key_label: &'static str,
    pub key_example: &'static str,
    pub webhook_step: &'static str,
    /// What to tick; none where everything is sent.
    pub events: &'static [&'static str],
    pub secret_label: &'static str,
    pub secret_hint: &'static str,
    pub user_step: &'static str,
}

const STRIPE: Guide = Guide {
    what: "Subscriptions on the web: Checkout, Payment Links, invoices.",
    key_label: "Restricted key",
    key_example: "rk_…",
    webhook_step: "Under Developers, Webhooks, add an endpoint with this address and these events:",
    events: &STRIPE_EVENTS,
    secret_label: "Signing secret",
    secret_hint: "Of that endpoint; it begins with whsec_. It can be added later, but until then only the reconciler notices what was bought.",
    user_step: "Say who buys: give Checkout the user’s id (the sub of their token) as client_reference_id, or put it into metadata.keyward_user of the subscription or the customer.",
};

const REVENUE_CAT: Guide = Guide {
    what: "Purchases in the App Store, Google Play and others.",
    key_label: "Secret API key",
    key_example: "sk_…",
    webhook_step: "Under Integrations, Webhooks, add a webhook with this address. As its authorization header, enter the same text as below.",
    events: &[],
    secret_label: "Authorization header",
    secret_hint: "Make it up: 16 to 255 random letters and digits. It can be added later, but until then only the reconciler notices what was bought.",
    user_step: "Say who buys: log in at RevenueCat with the user’s id (the sub of their token) as the app user id.",
};

pub fn guide(source: PurchaseSource) -> &'static Guide {
    match source {
        PurchaseSource::Stripe => &STRIPE,
        PurchaseSource::RevenueCat => &REVENUE_CAT,
    }
}

pub fn key_step(source: PurchaseSource) -> String {
    match source {
        PurchaseSource::Stripe => format!("In Stripe under Developers, API keys, create a restricted key that may read {}, and nothing else.", stripe_permissions()),
        PurchaseSource::RevenueCat => "In RevenueCat under Project settings, API keys, create a secret key for version 1 of its API. It begins with sk_; a public key of a store can’t read purchases.".to_owned(),
    }
}
