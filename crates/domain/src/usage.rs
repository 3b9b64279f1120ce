//! What is known of one finished request.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ids::{AccountId, AppId, ByokKeyId, PlanId, ProxyId};
use crate::issuer::Subject;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The upstream's reply was delivered to its end, whatever its status.
    Completed,
    /// The edge said no; the upstream saw nothing.
    Rejected,
    /// The upstream could not be reached, or broke off, or was cut off when the edge stopped.
    UpstreamFailed,
    /// The client went away before the end.
    ClientAborted,
}

impl Outcome {
    /// As stored in `usage_events.outcome`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::UpstreamFailed => "upstream_failed",
            Self::ClientAborted => "client_aborted",
        }
    }
}

/// How a call fared at App Check, where that is observed or enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppCheckOutcome {
    Passed,
    Failed,
    Missing,
}

impl AppCheckOutcome {
    /// As stored in `usage_events.app_check`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Missing => "missing",
        }
    }
}

/// How much of a call an event tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it, or what its parts have not told.
    #[default]
    Call,
    /// What a socket that is open used since the part before: tokens, money and bytes. No call is counted by it.
    Part,
}

/// Counts as the provider reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// All input tokens, cached ones included.
    pub input: u64,
    /// The part of `input` that the provider read from its cache.
    pub cached: u64,
    /// The part of `input` that the provider wrote into its cache, where that has a price of its own.
    #[serde(default)]
    pub cache_written: u64,
    /// The part of `input` that was sound, where that has a price of its own.
    #[serde(default)]
    pub audio_input: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// The part of `output` that was sound.
    #[serde(default)]
    pub audio_output: u64,
}

/// One finished request, or a part of one. Its id is made by the edge, so that a batch sent twice counts once. Edges keep it on disk over a
/// change of version: a field that is added must be optional there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageEvent {
    pub id: Uuid,
    pub account: AccountId,
    pub app: AppId,
    pub proxy: ProxyId,
    /// Who called, once that was proved.
    pub subject: Option<Subject>,
    /// When it arrived (a part: when it was written), to the microsecond: as much as PostgreSQL keeps.
    #[serde(with = "time::serde::timestamp::microseconds")]
    pub occurred_at: OffsetDateTime,
    #[serde(default)]
    pub extent: Extent,
    pub method: String,
    /// The rule's template, never the raw path.
    pub endpoint: Option<String>,
    /// What the client was sent; 499 when it left before that.
    pub status: u16,
    pub outcome: Outcome,
    /// The rejection's stable code.
    pub code: Option<Cow<'static, str>>,
    pub model: Option<String>,
    pub tokens: Option<TokenCounts>,
    /// The tokens are not the provider's own figures.
    pub estimated: bool,
    pub plan: Option<PlanId>,
    pub cost_micro_usd: Option<u64>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub first_byte_ms: Option<u32>,
    pub duration_ms: u32,
    /// Absent where it is off, and where the keys to check it by could not be fetched.
    pub app_check: Option<AppCheckOutcome>,
    /// The user's own key, if the call was made with one: it cost the developer nothing.
    pub byok_key: Option<ByokKeyId>,
}
