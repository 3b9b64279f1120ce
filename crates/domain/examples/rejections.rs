//! Every rejection that the edge can send, as it is sent: for the programs that check what the official SDKs make of it
//! (end2end/sdk). `crates/domain/tests/rejections.rs` checks that none is missing.

use std::io::Write;

use keyward_domain::body_rules::BodyRefusal;
use keyward_domain::error_shape;
use keyward_domain::limits::quota::{Place, Quota, Shortage};
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::multipart::FormError;
use keyward_domain::path::ParsePathError;
use keyward_domain::provider::ErrorShape;
use keyward_domain::query::QueryError;
use keyward_domain::rejection::{Rejection, SocketRefusal};
use keyward_domain::strict_json::StrictJsonError;
use serde_json::{Value, json};

/// Of the identity crate, which this one does not know.
const TOKEN_CODES: [&str; 13] = [
    "token_malformed",
    "token_too_long",
    "token_issuer_unknown",
    "token_key_unknown",
    "token_signature_invalid",
    "token_expired",
    "token_not_yet_valid",
    "token_audience_mismatch",
    "token_issuer_mismatch",
    "token_claim_missing",
    "token_claim_invalid",
    "token_algorithm_refused",
    "token_role_refused",
];

pub fn all() -> Vec<Rejection> {
    let mut all = plain();
    all.extend(TOKEN_CODES.map(|code| Rejection::TokenRefused { code, reason: "it was refused".to_owned() }));
    all.extend(bodies().into_iter().map(Rejection::Body));
    all.extend(sockets().map(Rejection::Socket));
    all.extend([
        short_of(Measure::Requests, Window::Hour, 1),
        short_of(Measure::Requests, Window::AtOnce, 1),
        short_of(Measure::TotalTokens, Window::Day, 1),
        short_of(Measure::TotalTokens, Window::Day, 1_000),
        short_of(Measure::CostMicroUsd, Window::Month, 1),
    ]);
    all
}

fn short_of(measure: Measure, window: Window, asked: u64) -> Rejection {
    let limit = Limit { measure, window, per: Per::User, model: None, amount: 10 };
    let quota = Quota { limit, place: Place::Proxy, plan: None, used: 10, reset_secs: 1 };
    Rejection::LimitReached(Shortage { quota, asked })
}

fn bodies() -> Vec<BodyRefusal> {
    let name = || "some-name".to_owned();
    vec![
        BodyRefusal::Model { name: name() },
        BodyRefusal::NoModel,
        BodyRefusal::Tool { name: name() },
        BodyRefusal::Modality { name: name() },
        BodyRefusal::SystemPrompt,
        BodyRefusal::TooManyMessages { most: 5 },
        BodyRefusal::TextTooLong { most: 5 },
        BodyRefusal::Unreadable { field: name() },
        BodyRefusal::UnknownFields,
        BodyRefusal::Uncheckable { field: name() },
        BodyRefusal::Form(FormError::Unfinished),
    ]
}

fn sockets() -> [SocketRefusal; 5] {
    [
        SocketRefusal::Handshake { reason: "its key is not of 16 bytes" },
        SocketRefusal::Message { reason: "it is not JSON" },
        SocketRefusal::MessageTooLarge { limit_bytes: 4_194_304 },
        SocketRefusal::Idle,
        SocketRefusal::OpenTooLong,
    ]
}

fn plain() -> Vec<Rejection> {
    vec![
        Rejection::UnknownProxy,
        Rejection::ProxyDisabled,
        Rejection::BadPath(ParsePathError::DotSegment),
        Rejection::TargetTooLong,
        Rejection::HeadersTooLarge,
        Rejection::HostMismatch,
        Rejection::BadFraming,
        Rejection::MalformedHead,
        Rejection::ShuttingDown,
        Rejection::Overloaded,
        Rejection::OriginNotAllowed,
        Rejection::AddressNotAllowed,
        Rejection::TokenMissing,
        Rejection::TokenConflict,
        Rejection::IssuerUnavailable,
        Rejection::NoIssuer,
        Rejection::AnonymousNotAllowed,
        Rejection::UserBlocked,
        Rejection::TokenRevoked,
        Rejection::AccessRevoked,
        Rejection::AppCheckMissing,
        Rejection::AppCheckFailed { reason: "it has expired".to_owned() },
        Rejection::AppCheckUnavailable,
        Rejection::ByokNotAllowed,
        Rejection::ByokRequired,
        Rejection::ByokTooMany,
        Rejection::SelfServiceForm { reason: "it has no key".to_owned() },
        Rejection::SelfServiceTooOften { retry_after_secs: 1 },
        Rejection::ByokRefused,
        Rejection::ByokUnavailable,
        Rejection::EndpointNotAllowed { method: "POST".to_owned() },
        Rejection::QueryNotAllowed(QueryError::NotAllowed("a".to_owned())),
        Rejection::EncodedBody,
        Rejection::ContentTypeRepeated,
        Rejection::AccountStopped,
        Rejection::NoPlan,
        Rejection::PlanEndpointNotAllowed { method: "POST".into() },
        Rejection::LimitsUnavailable,
        Rejection::ModelPriceUnknown { model: None },
        Rejection::ExtraPriceUnknown { name: "tool:web_search".to_owned() },
        Rejection::BodyTooLarge { limit_bytes: 5 },
        Rejection::BodyTimeout,
        Rejection::BodyBroken,
        Rejection::BadBody(StrictJsonError::DuplicateKey),
        Rejection::UnreadableMediaType,
        Rejection::UnreadableCalls,
        Rejection::ResourceNotFound,
        Rejection::OwnershipUnavailable,
        Rejection::ProviderKeyUnusable,
        Rejection::ProviderKeysRefused,
        Rejection::ByokKeyRejected,
        Rejection::UpstreamUnreachable,
        Rejection::UpstreamTimeout,
        Rejection::UpstreamAuthFailed,
        Rejection::UpstreamRedirected,
        Rejection::UpstreamReplyRefused { reason: "it can't be read" },
        Rejection::UpstreamBroke,
        Rejection::OwnerNotRecorded,
    ]
}

/// What the SDKs see of one.
pub fn shown(rejection: &Rejection) -> Value {
    let body = |shape| error_shape::body(shape, rejection, "req-1");
    json!({
        "code": rejection.code(),
        "status": rejection.status(),
        "retry_after_secs": rejection.retry_after_secs(),
        "is_final": rejection.is_final(),
        "bodies": {
            "openai": body(ErrorShape::OpenAi),
            "anthropic": body(ErrorShape::Anthropic),
            "google": body(ErrorShape::Google),
        },
    })
}

#[cfg_attr(test, expect(dead_code, reason = "the test that includes this file calls `all`"))]
fn main() -> std::io::Result<()> {
    let all: Vec<Value> = all().iter().map(shown).collect();
    writeln!(std::io::stdout(), "{}", Value::from(all))
}
