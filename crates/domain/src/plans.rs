//! Which Plan an app user is in: decided from what was bought, what the token says and what the developer set by hand.
//! Pure: the edge asks it on every call, the dashboard to explain it.

mod at_stripe;
mod decide;
mod entitlement;
mod link;
mod words;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use at_stripe::{STRIPE_EVENTS, StripePermission, stripe_permissions};
pub use decide::{Because, Decision, Facts, Terms, Verdict, decide, explain};
pub use entitlement::{Entitlement, EntitlementState, HELD_WITHOUT_NEWS, PurchaseSource};
pub use link::{LinkKind, NamedUser, ParseNamedUserError, verified_email};

use crate::ids::PlanId;
use crate::issuer::ClaimName;

pub const MAX_PLAN_RULES: usize = 100;
/// The longest grace that a rule gives a payment that failed.
pub const MAX_GRACE_DAYS: u16 = 90;

/// Puts whoever meets its condition in a Plan. An App has them in order; the first that fits decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRule {
    pub plan: PlanId,
    pub when: PlanCondition,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum PlanCondition {
    Purchase(PurchaseCondition),
    /// What the verified token says; a list holds each of its items.
    Claim {
        name: ClaimName,
        value: String,
    },
    /// Users who never signed in, of any identity provider.
    Anonymous,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseCondition {
    pub source: PurchaseSource,
    /// Stripe: a price or a product. RevenueCat: an entitlement or a product.
    pub name: String,
    /// Whether a trial counts.
    #[serde(default = "yes")]
    pub trial: bool,
    /// Days for which a payment that failed changes nothing.
    #[serde(default)]
    pub grace_days: u16,
}

fn yes() -> bool {
    true
}

/// Set by hand: goes before every rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanOverride {
    pub plan: PlanId,
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}

impl PlanOverride {
    pub fn holds(&self, now: OffsetDateTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}
