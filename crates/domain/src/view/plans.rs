//! Plans of an app, who is in which, and why.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{AppUserView, PlanName, PlanView, Verdict};
use crate::ids::{AppId, PlanId, ProxyId};
use crate::plans::{Entitlement, LinkKind, PlanCondition, PlanOverride, PlanRule, PurchaseSource};
use crate::policy::PlanAtProxy;
use crate::rules::EndpointRule;

/// Plans and rules, each in the developer's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlansView {
    pub app_id: AppId,
    pub app_name: String,
    pub plans: Vec<PlanView>,
    pub rules: Vec<PlanRule>,
    pub email_link: EmailLink,
    /// Sellers whose purchases are known.
    pub connected: Vec<PurchaseSource>,
}

impl PlansView {
    /// The seller on which the rule waits in vain.
    pub fn missing_seller(&self, condition: &PlanCondition) -> Option<PurchaseSource> {
        match condition {
            PlanCondition::Purchase(bought) => Some(bought.source).filter(|source| !self.connected.contains(source)),
            PlanCondition::Claim { .. } | PlanCondition::Anonymous => None,
        }
    }

    pub fn name_of(&self, plan: PlanId) -> &str {
        self.plans.iter().find(|other| other.id == plan).map_or("a plan that is gone", |plan| &plan.name)
    }
}

/// Whether a customer whose records name nobody is the user of the same verified e-mail address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailLink {
    #[default]
    Off,
    On,
}

/// One plan, with what it allows at each proxy of the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPageView {
    pub plan: PlanView,
    pub proxies: Vec<PlanProxyView>,
    /// Those that put users in this plan, in words.
    pub rules: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanProxyView {
    pub id: ProxyId,
    pub name: String,
    pub provider: String,
    pub provider_title: String,
    pub at: PlanAtProxy,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanAccessView {
    pub plan: PlanView,
    pub proxy: PlanProxyView,
    /// What the proxy allows at all.
    pub opened: Vec<EndpointRule>,
    /// Whether models and sizes can be said at all.
    pub knows_bodies: bool,
}

/// One user, and which plan why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPlanView {
    pub app_id: AppId,
    pub app_name: String,
    pub user: AppUserView,
    pub decision: UserDecision,
    /// In their order.
    pub rules: Vec<RuleVerdict>,
    /// Also one that has expired.
    pub by_hand: Option<PlanOverride>,
    pub by_hand_plan: String,
    pub purchases: Vec<PurchaseView>,
    pub email_link: EmailLink,
    pub last_call: Option<LastCallView>,
    pub plans: Vec<PlanName>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDecision {
    pub plan: PlanName,
    pub because: DecidedBy,
    /// What a token could change, where there was none to look at.
    pub unless: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DecidedBy {
    ByHand {
        until: Option<OffsetDateTime>,
    },
    /// The rule's number, from 1.
    Rule {
        number: usize,
    },
    Link,
    Default,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleVerdict {
    pub plan_name: String,
    pub condition: String,
    pub verdict: Verdict,
    pub reason: String,
}

/// A customer at a seller who is this user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseView {
    pub source: PurchaseSource,
    pub customer_id: String,
    pub linked_by: Option<LinkKind>,
    pub entitlements: Vec<Entitlement>,
    pub read_at: Option<OffsetDateTime>,
    pub last_error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCallView {
    pub at: OffsetDateTime,
    /// None where the call was refused before a plan was looked for.
    pub plan_name: Option<String>,
}
