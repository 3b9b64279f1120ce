//! What a developer has decided for an App, a Plan or a Proxy beyond what identifies them. Stored as JSON; a field that
//! this version does not know makes the whole unreadable, so that no edge ignores a restriction it can't understand.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::body_rules::BodyRule;
use crate::ids::{PlanId, ProxyId};
use crate::ip_rules::IpRule;
use crate::limits::Limit;
use crate::ownership::ResourceRef;
use crate::plans::PlanRule;
use crate::provider::OwnershipRule;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppPolicy {
    /// A name of the IANA time zone database; calendar months begin there.
    pub time_zone: String,
    /// Hold for all proxies of the app together.
    pub limits: Vec<Limit>,
    pub ip_rules: Vec<IpRule>,
    pub app_check: AppCheckPolicy,
    pub prices: Vec<PriceOverride>,
    /// Tokens that were issued before this are refused, whoever they belong to.
    #[serde(with = "time::serde::rfc3339::option")]
    pub tokens_not_before: Option<OffsetDateTime>,
    pub without_counters: WithoutCounters,
    /// Which plan a user is in; the first that fits decides.
    pub plan_rules: Vec<PlanRule>,
    /// Whether a customer whose records name nobody is the user of the same verified e-mail address.
    pub link_by_email: bool,
}

impl Default for AppPolicy {
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            limits: Vec::new(),
            ip_rules: Vec::new(),
            app_check: AppCheckPolicy::default(),
            prices: Vec::new(),
            tokens_not_before: None,
            without_counters: WithoutCounters::default(),
            plan_rules: Vec::new(),
            link_by_email: false,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanPolicy {
    /// Hold for each user of the plan, or for all of them together, over all proxies of the app.
    pub limits: Vec<Limit>,
    /// Said to a user who has reached a limit, or may not call something, in the developer's words.
    pub message: String,
    /// Where such a user gets more.
    pub upgrade_url: Option<String>,
    /// What the users of the plan may call, where it is less than the proxy allows.
    pub proxies: BTreeMap<ProxyId, PlanAtProxy>,
}

/// Beside a proxy's own rules: both must allow a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanAtProxy {
    /// Names of endpoint rules of the proxy (`POST /v1/chat/completions`); none for all that it has.
    pub endpoints: Option<BTreeSet<String>>,
    /// Names no endpoint: on each, the stricter of it and the proxy's own rule holds.
    pub body: BodyRule,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyPolicy {
    /// Hold for this proxy.
    pub limits: Vec<Limit>,
    pub ip_rules: Vec<IpRule>,
    pub bodies: Vec<BodyRule>,
    pub timeouts: Timeouts,
    /// Sent with every call, such as `openai-organization`; only names that the provider's entry in the catalogue lists.
    pub upstream_headers: Vec<UpstreamHeader>,
    pub byok: Byok,
    /// Takes the calls while every key of this proxy rests; a proxy of the same app and the same shapes.
    pub fallback: Option<ProxyId>,
    /// Whose objects a custom API holds, as the developer wrote it.
    pub ownership: Vec<OwnershipRule>,
    /// Objects of the developer's own that every user may name in a body, and use where a public one may be used.
    pub shared: BTreeSet<ResourceRef>,
}

/// Firebase App Check: whether a call must come from an untampered app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppCheckPolicy {
    pub mode: AppCheckMode,
    /// Digits; the project's number, not its id.
    pub project_number: String,
    /// Firebase app ids that may call; empty for every app of the project.
    pub app_ids: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppCheckMode {
    #[default]
    Off,
    /// Counted, and let through.
    Observe,
    Enforce,
}

/// What a model costs this developer, where it differs from the list or the list does not know it. Micro-USD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceOverride {
    pub provider: String,
    /// A model's name, or `*` for every call of this provider that has no other price.
    pub model: String,
    pub input_per_million: u64,
    pub output_per_million: u64,
    /// As `input_per_million` when absent.
    #[serde(default)]
    pub cached_per_million: Option<u64>,
    #[serde(default)]
    pub per_request: u64,
}

/// Of users who never signed in, who cost nothing to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "plan")]
pub enum AnonymousPolicy {
    #[default]
    Deny,
    AsOthers,
    Plan(PlanId),
}

/// What happens to budgets while the counters that all nodes share have been out of reach for a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutCounters {
    #[default]
    Refuse,
    Allow,
}

/// Seconds; the edge's own settings where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    pub connect_secs: Option<u32>,
    pub first_byte_secs: Option<u32>,
    pub idle_secs: Option<u32>,
    pub open_secs: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamHeader {
    /// Lower case.
    pub name: String,
    pub value: String,
}

/// Whether app users may, or must, call with a provider key of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Byok {
    #[default]
    Off,
    Optional,
    Required,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_with_a_restriction_of_a_later_version_is_not_read() {
        assert!(serde_json::from_str::<ProxyPolicy>("{}").is_ok());
        assert!(serde_json::from_str::<ProxyPolicy>(r#"{"later_restriction": true}"#).is_err());
        assert!(serde_json::from_str::<AppPolicy>(r#"{"later_restriction": true}"#).is_err());
    }
}
