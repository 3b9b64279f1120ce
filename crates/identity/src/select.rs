//! Which linked issuer a token belongs to, and everything that can be refused without a key.
//! The claims are not proven yet; refusing early on them costs nothing, accepting needs the signature too.

use std::sync::Arc;

use keyward_domain::issuer::{AcceptedClaims, ClaimFailure, IssuerConfig, check_claims, is_supabase_api_key};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::LinkedIssuer;
use crate::jws::{Algorithm, CompactToken};
use crate::rejection::TokenRejection;

/// The issuer to check the signature against, and what the claims will mean once it has been.
pub(crate) struct Selected<'i> {
    pub issuer: &'i LinkedIssuer,
    pub algorithm: Algorithm,
    pub accepted: AcceptedClaims,
}

pub(crate) fn select<'i>(
    issuers: &'i [Arc<LinkedIssuer>],
    token: &CompactToken<'_>,
    claims: &Map<String, Value>,
    now: OffsetDateTime,
) -> Result<Selected<'i>, TokenRejection> {
    let named = named_by(issuers, claims)?;
    let mut refused = TokenRejection::AlgorithmNotAllowed;
    // Several may share an `iss`: two client ids of one tenant, or a project's old secret beside its new keys.
    for issuer in named {
        let Some(algorithm) = pinned(&issuer.config, token) else {
            continue;
        };
        match check_claims(&issuer.config, claims, now) {
            Ok(accepted) if has_needed_kid(&issuer.config, token) => {
                return Ok(Selected { issuer, algorithm, accepted });
            }
            Ok(_) => refused = TokenRejection::UnknownKey,
            // Says the most about a token that is meant for one of the others.
            Err(ClaimFailure::WrongAudience { .. }) if refused != TokenRejection::AlgorithmNotAllowed => {}
            Err(failure) => refused = failure.into(),
        }
    }
    Err(refused)
}

/// The linked issuers whose name is exactly the token's `iss`: one or more.
pub(crate) fn named_by<'i>(
    issuers: &'i [Arc<LinkedIssuer>],
    claims: &Map<String, Value>,
) -> Result<Vec<&'i LinkedIssuer>, TokenRejection> {
    let iss = claims.get("iss").ok_or(TokenRejection::MissingClaim("iss"))?;
    let iss = iss.as_str().ok_or(TokenRejection::BadClaim { claim: "iss", reason: "is not a string" })?;
    let named: Vec<_> =
        issuers.iter().map(Arc::as_ref).filter(|issuer| issuer.config.expected_issuer() == iss).collect();
    if !named.is_empty() {
        return Ok(named);
    }
    if is_supabase_api_key(claims) && issuers.iter().any(|issuer| is_supabase(&issuer.config)) {
        return Err(TokenRejection::RoleRefused);
    }
    Err(TokenRejection::NoMatchingIssuer)
}

/// The token's algorithm, if the issuer's pins allow it.
pub(crate) fn pinned(config: &IssuerConfig, token: &CompactToken<'_>) -> Option<Algorithm> {
    let is_allowed = config.algorithms().contains(&token.algorithm.as_str());
    is_allowed.then(|| Algorithm::from_name(&token.algorithm)).flatten()
}

/// All Firebase projects are signed by one rotating set of keys, so a token must say which.
pub(crate) fn has_needed_kid(config: &IssuerConfig, token: &CompactToken<'_>) -> bool {
    match config {
        IssuerConfig::Firebase { .. } => token.kid.is_some(),
        IssuerConfig::Supabase { .. }
        | IssuerConfig::SupabaseSecret { .. }
        | IssuerConfig::Oidc { .. }
        | IssuerConfig::Emulator { .. } => true,
    }
}

fn is_supabase(config: &IssuerConfig) -> bool {
    matches!(config, IssuerConfig::Supabase { .. } | IssuerConfig::SupabaseSecret { .. })
}
