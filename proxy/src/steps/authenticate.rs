//! Token to Subject, and in which plan the Subject is by its own account. A bad token costs no database and no network.

use std::sync::Arc;

use keyward_domain::ids::PlanId;
use keyward_domain::issuer::Subject;
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::rejection::Rejection;
use keyward_domain::revocation::Revoked;
use keyward_identity::{TokenRejection, VerifiedToken, test_call};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::edge::Edge;
use crate::snapshot::ServedProxy;

/// Who calls, proved by a token that this proxy's app accepts.
#[derive(Clone)]
pub struct Caller {
    verified: Arc<VerifiedToken>,
    standing: Standing,
    linked_plan: Option<PlanId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    SignedIn,
    /// Costs nothing to make: limits per address hold for these.
    Anonymous,
    /// The dashboard's test button.
    TestCall,
}

impl Caller {
    pub fn subject(&self) -> &Subject {
        &self.verified.subject
    }

    /// When the token was issued, where it says so.
    pub fn issued_at(&self) -> Option<OffsetDateTime> {
        self.verified.issued_at
    }

    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// The plan that the identity provider's link puts the caller in, where no rule of the App does.
    pub fn linked_plan(&self) -> Option<PlanId> {
        self.linked_plan
    }

    pub fn claims(&self) -> &Map<String, Value> {
        &self.verified.claims
    }
}

pub async fn authenticate(edge: &Edge, proxy: &ServedProxy, token: &str) -> Result<Caller, Rejection> {
    let now = edge.clock.now();
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
    let verified = Box::pin(edge.key_sets.verify(issuers, token, now)).await.map_err(|error| refused(edge, error))?;
    let verified = Arc::new(verified);
    edge.tokens.insert(scope, token, verified.clone(), now);
    welcome(proxy, verified)
}

/// Asked of every request: what was revoked, and what holds for anonymous users, is no property of the token.
fn welcome(proxy: &ServedProxy, verified: Arc<VerifiedToken>) -> Result<Caller, Rejection> {
    proxy.app.check_standing(&verified.subject, verified.issued_at).map_err(|revoked| match revoked {
        Revoked::UserBlocked => Rejection::UserBlocked,
        Revoked::TokenTooOld => Rejection::TokenRevoked,
    })?;
    let named = verified.plan.as_deref().map(|name| proxy.app.plan_named(name).ok_or(Rejection::NoPlan)).transpose()?;
    if !verified.anonymous {
        return Ok(Caller { verified, standing: Standing::SignedIn, linked_plan: named });
    }
    let plan = match proxy.app.issuers.anonymous(verified.subject.issuer) {
        AnonymousPolicy::Deny => return Err(Rejection::AnonymousNotAllowed),
        AnonymousPolicy::AsOthers => named,
        AnonymousPolicy::Plan(plan) => Some(plan),
    };
    Ok(Caller { verified, standing: Standing::Anonymous, linked_plan: plan })
}

/// The dashboard's test button calls as a user would; its token is for this one proxy.
fn test_caller(edge: &Edge, proxy: &ServedProxy, token: &str, now: OffsetDateTime) -> Result<Caller, Rejection> {
    let verified = edge.test_call(proxy.id, token, now);
    let verified = verified.ok_or_else(|| refused(edge, TokenRejection::BadSignature))?;
    Ok(Caller { verified: Arc::new(verified), standing: Standing::TestCall, linked_plan: None })
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
