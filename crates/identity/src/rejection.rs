//! Why a token was not accepted: a stable code and a text that a stranger may read.

use keyward_domain::issuer::ClaimFailure;

use crate::jws::ParseTokenError;

/// `IssuerUnavailable` is our side's trouble (503); every other is the token's (401).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRejection {
    #[error("the credential is not a signed JWT")]
    Malformed,
    #[error("the token is longer than 8 KiB")]
    TooLong,
    #[error("no identity provider that this app has linked issued the token")]
    NoMatchingIssuer,
    #[error("the token names a signing key that its issuer has not published")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    BadSignature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token was issued for another audience")]
    WrongAudience,
    #[error("the token's issuer is not the linked one")]
    WrongIssuer,
    #[error("the token has no `{0}` claim")]
    MissingClaim(&'static str),
    #[error("the token's `{claim}` claim {reason}")]
    BadClaim { claim: &'static str, reason: &'static str },
    #[error("the token is signed with an algorithm that its issuer does not use")]
    AlgorithmNotAllowed,
    #[error("the token is a project's API key, not the token of a signed-in user")]
    RoleRefused,
    #[error("the identity provider's keys can't be fetched right now; try again")]
    IssuerUnavailable,
}

impl TokenRejection {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::TooLong => "token_too_long",
            Self::NoMatchingIssuer => "token_issuer_unknown",
            Self::UnknownKey => "token_key_unknown",
            Self::BadSignature => "token_signature_invalid",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::WrongAudience => "token_audience_mismatch",
            Self::WrongIssuer => "token_issuer_mismatch",
            Self::MissingClaim(_) => "token_claim_missing",
            Self::BadClaim { .. } => "token_claim_invalid",
            Self::AlgorithmNotAllowed => "token_algorithm_refused",
            Self::RoleRefused => "token_role_refused",
            Self::IssuerUnavailable => "issuer_unavailable",
        }
    }
}

impl From<ParseTokenError> for TokenRejection {
    fn from(error: ParseTokenError) -> Self {
        match error {
            ParseTokenError::TooLong => Self::TooLong,
            ParseTokenError::NotThreeParts
            | ParseTokenError::BadHeader
            | ParseTokenError::CriticalExtension
            | ParseTokenError::BadClaims => Self::Malformed,
        }
    }
}

impl From<ClaimFailure> for TokenRejection {
    fn from(failure: ClaimFailure) -> Self {
        match failure {
            ClaimFailure::Missing(claim) => Self::MissingClaim(claim),
            ClaimFailure::MissingNamed(_) => Self::MissingClaim("user id (as configured)"),
            ClaimFailure::BadNamed { claim: _, reason } => Self::BadClaim { claim: "(as configured)", reason },
            ClaimFailure::Bad { claim, reason } => Self::BadClaim { claim, reason },
            ClaimFailure::WrongIssuer { .. } => Self::WrongIssuer,
            ClaimFailure::WrongAudience { .. } => Self::WrongAudience,
            ClaimFailure::Expired { .. } => Self::Expired,
            ClaimFailure::NotYetValid { .. } => Self::NotYetValid,
            ClaimFailure::RoleRefused(_) => Self::RoleRefused,
        }
    }
}
