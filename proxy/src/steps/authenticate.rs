//! Token to Subject. A bad token costs no database and no network.

use std::sync::Arc;

use keyward_domain::issuer::Subject;
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::rejection::Rejection;
use keyward_identity::{TokenRejection, VerifiedToken, test_call};
use time::OffsetDateTime;

use crate::edge::Edge;
use crate::snapshot::ServedProxy;
use crate::steps::carriers::Token;

/// Who calls, proved by a token that this proxy's app accepts.
pub struct Caller {
    verified: Arc<VerifiedToken>,
}

impl Caller {
    pub fn subject(&self) -> &Subject {
        &self.verified.subject
    }
}

pub async fn authenticate(edge: &Edge, proxy: &ServedProxy, token: &Token) -> Result<Caller, Rejection> {
    let (token, now) = (token.expose(), edge.clock.now());
    let (issuers, scope) = (&proxy.app.issuers.linked, proxy.app.issuers.token_scope);
    let cached = edge.tokens.get(scope, token, now);
    if let Some(verified) = cached.filter(|verified| verified.is_of_one_of(issuers)) {
        return welcome(proxy, verified);
    }
    if test_call::looks_like(token) {
        return test_caller(edge, proxy, token, now);
    }
    if issuers.is_empty() {
        return Err(Rejection::NoIssuer);
    }
    let verified = edge.key_sets.verify(issuers, token, now).await.map_err(|error| refused(edge, error))?;
    let verified = Arc::new(verified);
    edge.tokens.insert(scope, token, verified.clone(), now);
    welcome(proxy, verified)
}

/// Asked of every request: whether anonymous users may call is no property of the token.
fn welcome(proxy: &ServedProxy, verified: Arc<VerifiedToken>) -> Result<Caller, Rejection> {
    if verified.anonymous && proxy.app.issuers.anonymous(verified.subject.issuer) == AnonymousPolicy::Deny {
        return Err(Rejection::AnonymousNotAllowed);
    }
    Ok(Caller { verified })
}

/// The dashboard's test button calls as a user would; its token is for this one proxy.
fn test_caller(edge: &Edge, proxy: &ServedProxy, token: &str, now: OffsetDateTime) -> Result<Caller, Rejection> {
    let verified = test_call::verify(&edge.test_call_key, proxy.id, token, now);
    let verified = verified.ok_or_else(|| refused(edge, TokenRejection::BadSignature))?;
    Ok(Caller { verified: Arc::new(verified) })
}

fn refused(edge: &Edge, error: TokenRejection) -> Rejection {
    match error {
        TokenRejection::IssuerUnavailable => {
            edge.metrics.issuer_unavailable.inc();
            Rejection::IssuerUnavailable
        }
        TokenRejection::Malformed
        | TokenRejection::TooLong
        | TokenRejection::NoMatchingIssuer
        | TokenRejection::UnknownKey
        | TokenRejection::BadSignature
        | TokenRejection::Expired
        | TokenRejection::NotYetValid
        | TokenRejection::WrongAudience
        | TokenRejection::WrongIssuer
        | TokenRejection::MissingClaim(_)
        | TokenRejection::BadClaim { .. }
        | TokenRejection::AlgorithmNotAllowed
        | TokenRejection::RoleRefused => Rejection::TokenRefused { code: error.code(), reason: error.to_string() },
    }
}
