//! What the dashboard shows: plain values that cross the wire between server and browser.
//! Never holds a secret, a session id or a sealed value.

mod billing;
mod custody;
mod members;
mod people;
mod plans;
mod policies;
mod purchases;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{AccountId, AppId, IssuerId, MemberId, PlanId, ProxyId, SessionId};
use crate::issuer::{IssuerConfig, OidcDialect};
use crate::log_days::LogDays;
use crate::notices::AccountNotice;
use crate::policy::{AnonymousPolicy, ProxyPolicy};
use crate::provider::KeyPlacement;
use crate::rules::EndpointRule;
use crate::secret::KeyHint;
use crate::slug::ProxySlug;

pub use billing::{BesideView, BillingView, SubscriptionState, SubscriptionView, TierOffer};
pub use custody::{ByokView, KeyRefusalView, NewPoolKeyForm, PoolKeyForm, PoolKeyView};
pub use members::{
    AccountMemberView, AccountMembersView, AccountSummary, InvitationPageView, InvitationReader, InvitationView,
    MemberRoom,
};
pub use people::{AppCheckRates, AppCheckView, AppUserSearch, AppUserView, AppUsersShown, AppUsersView};
pub use plans::{
    DecidedBy, EmailLink, LastCallView, PlanAccessView, PlanPageView, PlanProxyView, PlansView, PurchaseView,
    RuleVerdict, UserDecision, UserPlanView,
};
pub use policies::{AddressRuleView, AddressRulesView, Admits, AppPolicyView, PlanView};
pub use purchases::{
    ConnectSourceForm, OfferView, PurchaseSourceView, PurchaserView, PurchasersView, PurchasesView, RefusedWebhookView,
    SourceKeyForm, SourceRunView, WebhookSecretForm, WebhookSecretView,
};

/// The signed-in member, for the page header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    pub id: MemberId,
    pub email: String,
    pub verified: bool,
    pub account_id: AccountId,
    pub account_name: String,
    /// All that the member belongs to, this one among them.
    pub accounts: Vec<AccountSummary>,
    /// Whether there is a billing page.
    pub takes_money: bool,
    /// What every page says of the account; the most pressing first.
    pub notices: Vec<AccountNotice>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    pub id: SessionId,
    pub user_agent: String,
    pub created_at: OffsetDateTime,
    pub last_seen_at: OffsetDateTime,
    pub is_current: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevMailView {
    pub recipient: String,
    pub subject: String,
    pub body: String,
    pub created_at: OffsetDateTime,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSummary {
    pub id: AppId,
    pub name: String,
    pub issuers: i64,
    pub proxies: i64,
    pub requests_last_day: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppView {
    pub id: AppId,
    pub name: String,
    pub issuers: Vec<IssuerView>,
    /// In the developer's order.
    pub plans: Vec<PlanName>,
    pub proxies: Vec<ProxySummary>,
    /// Single requests are kept so long.
    pub usage_retention_days: i32,
    /// What the account's tier has room for; `None` for as many as any.
    pub log_days: Option<LogDays>,
}

/// A plan that may be chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanName {
    pub id: PlanId,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerView {
    pub id: IssuerId,
    pub config: IssuerConfig,
    pub has_secret: bool,
    /// What holds for users who never signed in.
    pub anonymous: AnonymousPolicy,
    pub last_check: Option<IssuerCheckView>,
}

/// The outcome of fetching an issuer's key set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuerCheckView {
    pub ok: bool,
    /// "3 keys (RS256)" or what went wrong and what to do.
    pub note: String,
    pub at: OffsetDateTime,
}

/// What the developer chose in the "link an identity provider" form. Never stored as it is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IssuerForm {
    Firebase {
        project_id: String,
    },
    /// A project ref, or the project's URL.
    Supabase {
        project: String,
    },
    SupabaseSecret {
        project: String,
        secret: String,
    },
    /// The issuer's URL (discovery is fetched from it) and what its tokens name as their audience, several with commas
    /// between. The claims' names are empty for the usual ones.
    Oidc {
        dialect: OidcDialect,
        issuer_url: String,
        audience: String,
        user_claim: String,
        plan_claim: String,
        anonymous_claim: String,
    },
    /// Development only: the local emulator.
    Emulator,
}

impl std::fmt::Debug for IssuerForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IssuerForm(…)")
    }
}

/// One line of the token check box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCheckLine {
    /// "Signature", "Issuer (iss)", "Expiry (exp)", …
    pub check: String,
    pub verdict: Verdict,
    /// Why, with the expected and the actual value where that reveals no secret.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    Failed,
    NotChecked,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySummary {
    pub id: ProxyId,
    pub name: String,
    pub slug: ProxySlug,
    pub provider: String,
    pub provider_title: String,
    pub enabled: bool,
    pub requests_last_day: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyView {
    pub id: ProxyId,
    pub app_id: AppId,
    pub app_name: String,
    pub name: String,
    pub slug: ProxySlug,
    /// `https://edge.example.com/{slug}`
    pub edge_url: String,
    pub provider: String,
    pub provider_title: String,
    pub base_url: String,
    pub key_placement: KeyPlacement,
    pub key_hint: Option<KeyHint>,
    pub enabled: bool,
    pub rules: Vec<EndpointRule>,
    pub policy: ProxyPolicy,
    pub allowed_origins: Vec<String>,
    /// The app has no issuer yet: nobody can call this proxy.
    pub needs_issuer: bool,
    pub can_send_test: bool,
    /// Goes back with the settings' forms.
    pub updated_at: OffsetDateTime,
}

/// A new proxy. `base_url` and `key_placement` count only for `custom` (and, in development, for an emulator address).
#[derive(Clone, Serialize, Deserialize)]
pub struct NewProxyForm {
    pub name: String,
    pub provider: String,
    pub base_url: String,
    pub key_placement: Option<KeyPlacement>,
    pub key: String,
}

impl std::fmt::Debug for NewProxyForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewProxyForm(…)")
    }
}

/// Settings of a proxy other than its key. `key` must be filled in when `base_url` or `key_placement` changes.
#[derive(Clone, Serialize, Deserialize)]
pub struct ProxySettingsForm {
    pub name: String,
    pub base_url: String,
    pub key_placement: Option<KeyPlacement>,
    /// A new key; empty keeps the present one.
    pub key: String,
    /// The member's own password, which a new key needs.
    pub current_password: String,
    pub allowed_origins: Vec<String>,
    pub rules: Vec<EndpointRule>,
    /// The `updated_at` of the view that the form was filled in on: over later changes nothing is saved.
    pub seen: Option<OffsetDateTime>,
}

impl std::fmt::Debug for ProxySettingsForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProxySettingsForm(…)")
    }
}

/// What the "send a test request" button shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestAnswer {
    /// 0 when the edge did not answer.
    pub status: u16,
    pub duration_ms: u64,
    /// The beginning of the body, the key redacted from it.
    pub body: String,
    pub advice: String,
}

/// One copy-paste example on a proxy's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snippet {
    pub id: String,
    /// "Flutter", "Swift", …
    pub title: String,
    pub language: String,
    pub code: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageRange {
    Day,
    Week,
    Month,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageView {
    pub range: UsageRange,
    /// One bucket an hour (day) or a day (week, month), oldest first, gaps filled with zeros.
    pub buckets: Vec<UsageBucket>,
    pub total: UsageTotals,
    pub top_users: Vec<TopUser>,
    pub recent: Vec<RecentRequest>,
    /// Server-rendered SVG, one a series.
    pub charts: Vec<ChartSvg>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageTotals {
    pub requests: i64,
    pub errors: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cost_micro_usd: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageBucket {
    pub starts_at: OffsetDateTime,
    pub totals: UsageTotals,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopUser {
    pub sub: String,
    pub totals: UsageTotals,
}

/// One of the latest requests, so that a developer sees why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentRequest {
    pub at: OffsetDateTime,
    pub method: String,
    pub endpoint: Option<String>,
    pub status: i32,
    pub code: Option<String>,
    pub model: Option<String>,
    pub sub: Option<String>,
    pub duration_ms: i32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartSvg {
    pub title: String,
    /// What a screen reader says instead of the picture.
    pub description: String,
    pub svg: String,
}
