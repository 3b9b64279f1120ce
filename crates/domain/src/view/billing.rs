//! What the dashboard shows of an account's tier.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::tiers::{Standing, Tier, TierName};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingView {
    pub tier: Tier,
    /// All there are, the cheapest first; those that can be bought.
    pub tiers: Vec<TierOffer>,
    pub standing: Standing,
    pub requests: u64,
    pub apps: u64,
    pub members: u64,
    /// When the count of requests begins anew.
    #[serde(with = "time::serde::rfc3339")]
    pub resets_at: OffsetDateTime,
    /// A larger tier was had until lately: from then on, this one's days of single requests hold.
    #[serde(with = "time::serde::rfc3339::option")]
    pub log_days_from: Option<OffsetDateTime>,
    pub subscription: Option<SubscriptionView>,
    /// Paid for as well, by mistake: each is to be canceled by hand.
    pub beside: Vec<BesideView>,
    /// A customer has a portal.
    pub has_portal: bool,
    pub may_pay: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierOffer {
    pub tier: Tier,
    pub can_be_bought: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BesideView {
    /// As Stripe names it.
    pub id: String,
    pub subscription: SubscriptionView,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionView {
    pub tier: TierName,
    pub state: SubscriptionState,
    pub paid_until: Option<OffsetDateTime>,
    /// It ends there instead of being renewed.
    pub ends: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionState {
    Active,
    Trial,
    /// The last payment failed; it is tried again.
    PastDue,
}
