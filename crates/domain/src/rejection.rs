//! Why the edge said no: one variant per cause, with its status, stable code, public message and step.

mod consequences;

mod due;

mod socket;

pub use self::due::Due;
pub use self::socket::SocketRefusal;

use crate::body_rules::BodyRefusal;
use crate::limits::quota::{ShortOf, Shortage};
use crate::path::ParsePathError;
use crate::query::QueryError;
use crate::strict_json::StrictJsonError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    // route
    UnknownProxy,
    ProxyDisabled,
    BadPath(ParsePathError),
    TargetTooLong,
    HeadersTooLarge,
    HostMismatch,
    BadFraming,
    MalformedHead,
    ShuttingDown,
    Overloaded,
    // preflight
    OriginNotAllowed,
    // authenticate
    AddressNotAllowed,
    TokenMissing,
    TokenConflict,
    /// The code and the reason are the identity crate's.
    TokenRefused {
        code: &'static str,
        reason: String,
    },
    IssuerUnavailable,
    NoIssuer,
    AnonymousNotAllowed,
    UserBlocked,
    TokenRevoked,
    /// The right to call ended while the call was under way.
    AccessRevoked,
    AppCheckMissing,
    AppCheckFailed {
        reason: String,
    },
    AppCheckUnavailable,
    ByokNotAllowed,
    ByokRequired,
    /// Unknown, another user's or proxy's, revoked, expired, or the wrong share: the same answer.
    ByokRefused,
    ByokUnavailable,
    // self-service
    ByokTooMany,
    SelfServiceForm {
        reason: String,
    },
    SelfServiceTooOften {
        retry_after_secs: u64,
    },
    // authorize
    EndpointNotAllowed {
        method: String,
    },
    QueryNotAllowed(QueryError),
    EncodedBody,
    /// Two readers could each obey another one.
    ContentTypeRepeated,
    // plan
    /// The developer's account has used up what it pays us for.
    AccountStopped,
    NoPlan,
    /// The proxy allows it, the caller's plan does not.
    PlanEndpointNotAllowed {
        method: String,
    },
    // limit
    /// Of whatever the limit counts: its measure decides the code and the status.
    LimitReached(Shortage),
    LimitsUnavailable,
    ModelPriceUnknown {
        model: Option<String>,
    },
    /// Of a tool that the provider runs, or a tier: see `extras`.
    ExtraPriceUnknown {
        name: String,
    },
    // body
    Body(BodyRefusal),
    // an upgrade, and what is said over a socket
    Socket(SocketRefusal),
    // ownership
    BodyTooLarge {
        limit_bytes: u64,
    },
    BodyTimeout,
    BodyBroken,
    BadBody(StrictJsonError),
    UnreadableMediaType,
    /// A file of calls that the provider would make later.
    UnreadableCalls,
    /// An unknown id and somebody else's: the same answer.
    ResourceNotFound,
    OwnershipUnavailable,
    // forward
    ProviderKeyUnusable,
    /// Every key of the pool rests because the provider refused it.
    ProviderKeysRefused,
    UpstreamUnreachable,
    UpstreamTimeout,
    UpstreamAuthFailed,
    /// The provider refused the user's own key.
    ByokKeyRejected,
    UpstreamRedirected,
    UpstreamReplyRefused {
        reason: &'static str,
    },
    UpstreamBroke,
    // record
    OwnerNotRecorded,
}

/// The step of the pipeline that refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Route,
    Preflight,
    Authenticate,
    Authorize,
    Plan,
    Limit,
    Body,
    Ownership,
    Forward,
    Record,
}

impl Rejection {
    /// Stable: apps and dashboards may depend on it. Described at the documentation's errors page.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownProxy => "unknown_proxy",
            Self::ProxyDisabled => "proxy_disabled",
            Self::BadPath(_) => "bad_path",
            Self::TargetTooLong => "target_too_long",
            Self::HeadersTooLarge => "headers_too_large",
            Self::HostMismatch => "host_mismatch",
            Self::BadFraming => "bad_framing",
            Self::MalformedHead => "malformed_head",
            Self::ShuttingDown => "shutting_down",
            Self::Overloaded => "overloaded",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::TokenMissing => "token_missing",
            Self::TokenConflict => "token_conflict",
            Self::TokenRefused { code, .. } => code,
            Self::IssuerUnavailable => "issuer_unavailable",
            Self::NoIssuer => "no_issuer",
            Self::AnonymousNotAllowed => "anonymous_not_allowed",
            Self::UserBlocked => "user_blocked",
            Self::TokenRevoked => "token_revoked",
            Self::AccessRevoked => "access_revoked",
            Self::AppCheckMissing => "app_check_missing",
            Self::AppCheckFailed { .. } => "app_check_failed",
            Self::AppCheckUnavailable => "app_check_unavailable",
            Self::EndpointNotAllowed { .. } => "endpoint_not_allowed",
            Self::QueryNotAllowed(_) => "query_not_allowed",
            Self::EncodedBody => "content_encoding_not_allowed",
            Self::ContentTypeRepeated => "content_type_repeated",
            Self::AccountStopped => "account_stopped",
            Self::NoPlan => "no_plan",
            Self::PlanEndpointNotAllowed { .. } => "plan_endpoint_not_allowed",
            Self::Body(refusal) => refusal.code(),
            Self::Socket(refusal) => refusal.code(),
            Self::LimitReached(shortage) => match shortage.of() {
                ShortOf::Requests => "rate_limited",
                ShortOf::Places => "too_many_at_once",
                ShortOf::Tokens => "tokens_spent",
                ShortOf::Money => "budget_spent",
            },
            Self::LimitsUnavailable => "limits_unavailable",
            Self::ModelPriceUnknown { .. } => "model_price_unknown",
            Self::ExtraPriceUnknown { .. } => "extra_price_unknown",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyBroken => "body_incomplete",
            Self::BadBody(_) => "bad_body",
            Self::UnreadableMediaType => "unsupported_media_type",
            Self::UnreadableCalls => "unreadable_calls",
            Self::ResourceNotFound => "resource_not_found",
            Self::OwnershipUnavailable => "ownership_unavailable",
            Self::ByokNotAllowed => "byok_not_allowed",
            Self::ByokRequired => "byok_required",
            Self::ByokRefused => "byok_refused",
            Self::ByokUnavailable => "byok_unavailable",
            Self::ByokKeyRejected => "byok_key_rejected",
            Self::ByokTooMany => "byok_too_many",
            Self::SelfServiceForm { .. } => "byok_bad_request",
            Self::SelfServiceTooOften { .. } => "byok_too_often",
            Self::ProviderKeyUnusable => "provider_key_unusable",
            Self::ProviderKeysRefused => "provider_keys_refused",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::UpstreamAuthFailed => "upstream_auth_failed",
            Self::UpstreamRedirected => "upstream_redirected",
            Self::UpstreamReplyRefused { .. } => "upstream_reply_refused",
            Self::UpstreamBroke => "upstream_broke",
            Self::OwnerNotRecorded => "ownership_not_recorded",
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::AccountStopped => 402,
            Self::BadPath(_)
            | Self::HostMismatch
            | Self::BadFraming
            | Self::MalformedHead
            | Self::TokenConflict
            | Self::QueryNotAllowed(_)
            | Self::ContentTypeRepeated
            | Self::BodyBroken
            | Self::ByokNotAllowed
            | Self::SelfServiceForm { .. }
            | Self::BadBody(_)
            | Self::UnreadableCalls => 400,
            Self::TokenMissing
            | Self::TokenRefused { .. }
            | Self::TokenRevoked
            | Self::AppCheckMissing
            | Self::AppCheckFailed { .. }
            | Self::ByokRefused
            | Self::NoIssuer => 401,
            // Not 401: a fresh token of the user's would change nothing.
            Self::ByokRequired | Self::ByokKeyRejected => 403,
            Self::ProxyDisabled
            | Self::OriginNotAllowed
            | Self::AddressNotAllowed
            | Self::AnonymousNotAllowed
            | Self::UserBlocked
            | Self::AccessRevoked
            | Self::EndpointNotAllowed { .. }
            | Self::NoPlan
            | Self::PlanEndpointNotAllowed { .. }
            | Self::ModelPriceUnknown { .. }
            | Self::ExtraPriceUnknown { .. } => 403,
            Self::UnknownProxy | Self::ResourceNotFound => 404,
            Self::Body(refusal) => refusal.status(),
            Self::Socket(refusal) => refusal.status(),
            Self::ByokTooMany => 409,
            Self::SelfServiceTooOften { .. } => 429,
            Self::BodyTimeout => 408,
            Self::BodyTooLarge { .. } => 413,
            Self::TargetTooLong => 414,
            Self::EncodedBody | Self::UnreadableMediaType => 415,
            Self::LimitReached(shortage) => match shortage.of() {
                ShortOf::Money => 402,
                ShortOf::Requests | ShortOf::Places | ShortOf::Tokens => 429,
            },
            Self::HeadersTooLarge => 431,
            Self::UpstreamUnreachable
            | Self::UpstreamAuthFailed
            | Self::ProviderKeysRefused
            | Self::UpstreamRedirected
            | Self::UpstreamReplyRefused { .. }
            | Self::UpstreamBroke => 502,
            Self::ShuttingDown
            | Self::Overloaded
            | Self::IssuerUnavailable
            | Self::AppCheckUnavailable
            | Self::LimitsUnavailable
            | Self::OwnershipUnavailable
            | Self::ByokUnavailable
            | Self::ProviderKeyUnusable
            | Self::OwnerNotRecorded => 503,
            Self::UpstreamTimeout => 504,
        }
    }

    pub fn step(&self) -> Step {
        match self {
            Self::UnknownProxy
            | Self::ProxyDisabled
            | Self::BadPath(_)
            | Self::TargetTooLong
            | Self::HeadersTooLarge
            | Self::HostMismatch
            | Self::BadFraming
            | Self::MalformedHead
            | Self::ShuttingDown
            | Self::Overloaded => Step::Route,
            Self::OriginNotAllowed => Step::Preflight,
            Self::AddressNotAllowed
            | Self::TokenMissing
            | Self::TokenConflict
            | Self::TokenRefused { .. }
            | Self::IssuerUnavailable
            | Self::NoIssuer
            | Self::AnonymousNotAllowed
            | Self::UserBlocked
            | Self::TokenRevoked
            | Self::AccessRevoked
            | Self::AppCheckMissing
            | Self::AppCheckFailed { .. }
            | Self::ByokNotAllowed
            | Self::ByokRequired
            | Self::ByokRefused
            | Self::ByokTooMany
            | Self::SelfServiceForm { .. }
            | Self::SelfServiceTooOften { .. }
            | Self::ByokUnavailable
            | Self::AppCheckUnavailable => Step::Authenticate,
            Self::EndpointNotAllowed { .. }
            | Self::QueryNotAllowed(_)
            | Self::EncodedBody
            | Self::ContentTypeRepeated => Step::Authorize,
            Self::AccountStopped | Self::NoPlan | Self::PlanEndpointNotAllowed { .. } => Step::Plan,
            Self::Body(_) => Step::Body,
            Self::LimitReached(_)
            | Self::LimitsUnavailable
            | Self::ModelPriceUnknown { .. }
            | Self::ExtraPriceUnknown { .. } => Step::Limit,
            Self::Socket(refusal) => refusal.step(),
            Self::BodyTooLarge { .. }
            | Self::BodyTimeout
            | Self::BodyBroken
            | Self::BadBody(_)
            | Self::UnreadableMediaType
            | Self::UnreadableCalls
            | Self::ResourceNotFound
            | Self::OwnershipUnavailable => Step::Ownership,
            Self::ProviderKeyUnusable
            | Self::ProviderKeysRefused
            | Self::ByokKeyRejected
            | Self::UpstreamUnreachable
            | Self::UpstreamTimeout
            | Self::UpstreamAuthFailed
            | Self::UpstreamRedirected
            | Self::UpstreamReplyRefused { .. }
            | Self::UpstreamBroke => Step::Forward,
            Self::OwnerNotRecorded => Step::Record,
        }
    }

    /// For the app's developer; holds nothing of the request but names.
    pub fn message(&self) -> String {
        match self {
            Self::UnknownProxy => "There is no proxy at this address. Check the slug in the base URL.".into(),
            Self::ProxyDisabled => "This proxy is switched off in the dashboard.".into(),
            Self::BadPath(error) => format!("The address can't be used: {error}."),
            Self::TargetTooLong => "The address is longer than 8 KiB.".into(),
            Self::HeadersTooLarge => "The request has more than 64 header fields, or more than 32 KiB of them.".into(),
            Self::HostMismatch => "The host in the address is not the one in the Host header.".into(),
            Self::BadFraming => "Where the request ends can be read in two ways: Content-Length beside Transfer-Encoding, or lines that end without a carriage return.".into(),
            Self::MalformedHead => "A header field's value begins or ends with a blank, or CONNECT names no host.".into(),
            Self::ShuttingDown => "This node of the edge is stopping. Try again.".into(),
            Self::Overloaded => "This node of the edge has no room for more now. Try again.".into(),
            Self::OriginNotAllowed => {
                "This web origin may not call the proxy. Add it to the proxy's allowed origins in the dashboard.".into()
            }
            Self::AddressNotAllowed => {
                "This address may not call the proxy. See the address rules of the app and the proxy in the dashboard.".into()
            }
            Self::TokenMissing => {
                "The request carries no user token. Put your signed-in user's token where the provider's key went."
                    .into()
            }
            Self::TokenConflict => "The request carries two different credentials. Send one.".into(),
            Self::TokenRefused { reason, .. } => format!("The user token was refused: {reason}."),
            Self::IssuerUnavailable => "The identity provider's keys can't be fetched now. Try again.".into(),
            Self::NoIssuer => "This app has no identity provider yet. Link one in the dashboard.".into(),
            Self::AnonymousNotAllowed => {
                "This app takes signed-in users only, and this one is anonymous. Sign the user in, or allow anonymous users on the app's page in the dashboard.".into()
            }
            Self::UserBlocked => "This user is blocked.".into(),
            Self::TokenRevoked => "The user token was revoked. Get a new one from the identity provider.".into(),
            Self::AccessRevoked => "The right to call was revoked while the call was under way.".into(),
            Self::AppCheckMissing => {
                "The request carries no App Check token, which this app demands. Send X-Firebase-AppCheck.".into()
            }
            Self::AppCheckFailed { reason } => format!("The App Check token was refused: {reason}."),
            Self::AppCheckUnavailable => "The keys of App Check can't be fetched now. Try again.".into(),
            Self::EndpointNotAllowed { method } => {
                format!("This proxy has no rule that allows {method} on this path. Rules are on the proxy's page.")
            }
            Self::QueryNotAllowed(error) => format!("The query can't be used: {error}."),
            Self::EncodedBody => "A request body must come without Content-Encoding.".into(),
            Self::ContentTypeRepeated => "The request has more than one Content-Type. Send one.".into(),
            Self::AccountStopped => {
                "The developer of this app has used up the requests of this month. Only they can change that.".into()
            }
            Self::NoPlan => "This app has no plan for this user.".into(),
            Self::PlanEndpointNotAllowed { method } => {
                format!("Your plan does not include this endpoint ({method}).")
            }
            Self::LimitReached(shortage) => shortage.message(),
            Self::LimitsUnavailable => {
                "What was used of this app's budgets can't be looked up now. Try again.".into()
            }
            Self::ModelPriceUnknown { model: Some(model) } => format!(
                "The price of {model} is not known, and a budget is set. Give its price on the app's page in the dashboard."
            ),
            Self::Body(refusal) => refusal.message(),
            Self::ExtraPriceUnknown { name } => format!(
                "A budget is set, and what {name:?} costs beside the model's tokens is not known. The developer can give its price on the app's page, under this name."
            ),
            Self::Socket(refusal) => refusal.message(),
            Self::ModelPriceUnknown { model: None } => {
                "This call names no model whose price is known, and a budget is set. Give a price for all other calls on the app's page in the dashboard.".into()
            }
            Self::BodyTooLarge { limit_bytes } => format!("The request body is larger than {limit_bytes} bytes."),
            Self::BodyTimeout => "The request body came too slowly.".into(),
            Self::BodyBroken => "The request body ended before its end.".into(),
            Self::BadBody(error) => format!("The request can't be checked: {error}."),
            Self::UnreadableMediaType => {
                "On this endpoint the body must be application/json, or multipart/form-data where files are uploaded."
                    .into()
            }
            Self::UnreadableCalls => {
                "The file of calls can't be checked: each line must be one JSON object with a method, a url and a body.".into()
            }
            Self::ResourceNotFound => "No such object.".into(),
            Self::OwnershipUnavailable => "Who owns this object can't be looked up now. Try again.".into(),
            Self::ByokNotAllowed => {
                "This proxy takes no keys of users' own. Leave out X-Keyward-Byok, and what follows ~ in the token.".into()
            }
            Self::ByokRequired => {
                "This proxy works with the user's own provider key only. Store one, and send its credential in X-Keyward-Byok.".into()
            }
            Self::ByokRefused => {
                "The credential of the user's own key was refused: it is unknown, revoked, expired, or not for this user and proxy.".into()
            }
            Self::ByokTooMany => "This user has 10 keys of their own on this proxy. Revoke one first.".into(),
            Self::SelfServiceForm { reason } => format!("The body can't be used: {reason}."),
            Self::SelfServiceTooOften { retry_after_secs } => {
                format!("This user has asked too often. Try again in {retry_after_secs} s.")
            }
            Self::ByokUnavailable => "The user's own key can't be looked up now. Try again.".into(),
            Self::ByokKeyRejected => {
                "The provider refused the user's own key. Enter a valid one.".into()
            }
            Self::ProviderKeysRefused => {
                "The provider refused every key of this proxy. Check the keys in the dashboard.".into()
            }
            Self::ProviderKeyUnusable => {
                "This proxy has no usable provider key. Enter it again in the dashboard.".into()
            }
            Self::UpstreamUnreachable => "The provider can't be reached.".into(),
            Self::UpstreamTimeout => "The provider did not answer in time.".into(),
            Self::UpstreamAuthFailed => {
                "The provider refused the key of this proxy. Check the key in the dashboard.".into()
            }
            Self::UpstreamRedirected => "The provider answered with a redirect, which is never followed.".into(),
            Self::UpstreamReplyRefused { reason } => format!("The provider's reply can't be passed on: {reason}."),
            Self::UpstreamBroke => "The provider broke off its reply.".into(),
            Self::OwnerNotRecorded => "The new object's owner could not be recorded. Try again.".into(),
        }
    }
}
