//! What the dashboard shows of policies: of an app, its plans, its address rules.

use serde::{Deserialize, Serialize};

use crate::ids::{AppId, PlanId};
use crate::ip_rules::{IpAction, IpRule};
use crate::limits::Limit;
use crate::place::AddressPlace;
use crate::policy::{AppPolicy, PlanPolicy};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPolicyView {
    pub id: AppId,
    pub name: String,
    pub policy: AppPolicy,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    pub id: PlanId,
    pub app_id: AppId,
    pub app_name: String,
    pub name: String,
    pub is_default: bool,
    pub policy: PlanPolicy,
}

impl PlanView {
    pub fn limits(&self) -> &[Limit] {
        &self.policy.limits
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRuleView {
    pub rule: IpRule,
    pub has_expired: bool,
}

/// The address rules of an app or a proxy, with what they come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRulesView {
    pub place: AddressPlace,
    pub app_id: AppId,
    pub app_name: String,
    /// Empty for the app's own.
    pub proxy_name: String,
    pub rules: Vec<AddressRuleView>,
}

/// Who may call, as far as the allow rules go. A rule that has expired still restricts: the end of an exception must
/// not open the door to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admits {
    Everybody,
    OnlyListed,
    Nobody,
}

impl AddressRulesView {
    pub fn admits(&self) -> Admits {
        let allows = || self.rules.iter().filter(|view| view.rule.action == IpAction::Allow);
        match allows().next() {
            None => Admits::Everybody,
            Some(_) if allows().all(|view| view.has_expired) => Admits::Nobody,
            Some(_) => Admits::OnlyListed,
        }
    }
}
