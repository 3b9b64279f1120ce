//! The whole check of a token, cheapest part first: form, issuer, algorithm, claims, key, signature.

use std::sync::Arc;

use keyward_domain::issuer::{AcceptedClaims, Subject};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::jws::{Algorithm, CompactToken};
use crate::rejection::TokenRejection;
use crate::select::{Selected, select};
use crate::{KeySets, LinkedIssuer};

/// What is known about a caller whose token passed every check.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    pub subject: Subject,
    pub expires_at: OffsetDateTime,
    /// Absent where the token does not say.
    pub issued_at: Option<OffsetDateTime>,
    pub anonymous: bool,
    /// The name of a plan, where the issuer's link names a claim for it.
    pub plan: Option<String>,
    pub claims: Map<String, Value>,
}

impl VerifiedToken {
    /// Whether its issuer is (still) among the linked ones; a cached token can outlive the link.
    pub fn is_of_one_of(&self, issuers: &[Arc<LinkedIssuer>]) -> bool {
        issuers.iter().any(|issuer| issuer.id == self.subject.issuer)
    }
}

/// Claims hold e-mail addresses; none of them belongs in a log.
impl std::fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifiedToken({}, …)", self.subject.issuer)
    }
}

impl KeySets {
    /// Nothing is fetched for a token that its form, issuer, algorithm or claims already refuse.
    pub async fn verify(
        &self,
        issuers: &[Arc<LinkedIssuer>],
        token: &str,
        now: OffsetDateTime,
    ) -> Result<VerifiedToken, TokenRejection> {
        let token = CompactToken::parse(token)?;
        let claims = token.claims()?;
        let Selected { issuer, algorithm, accepted } = select(issuers, &token, &claims, now)?;
        self.check_signature(issuer, algorithm, &token).await?;
        let subject = Subject { issuer: issuer.id, sub: accepted.sub.clone() };
        let AcceptedClaims { sub: _, expires_at, issued_at, anonymous, plan } = accepted;
        Ok(VerifiedToken { subject, expires_at, issued_at, anonymous, plan, claims })
    }

    pub(crate) async fn check_signature(
        &self,
        issuer: &LinkedIssuer,
        algorithm: Algorithm,
        token: &CompactToken<'_>,
    ) -> Result<(), TokenRejection> {
        let Some(url) = issuer.config.jwks_url() else {
            let secret = issuer.secret.as_ref().ok_or(TokenRejection::IssuerUnavailable)?;
            return secret.verification_key().verify(token).map_err(|_| TokenRejection::BadSignature);
        };
        self.check_published(&url, algorithm, token).await
    }

    /// Against the keys at this address.
    pub(crate) async fn check_published(
        &self,
        url: &str,
        algorithm: Algorithm,
        token: &CompactToken<'_>,
    ) -> Result<(), TokenRejection> {
        let mut key_set = self.key_set(url).await.map_err(|_| TokenRejection::IssuerUnavailable)?;
        if token.kid.is_some() && key_set.find(algorithm, token.kid.as_deref()).is_none() {
            key_set = self.key_set_after_unknown_kid(url, key_set).await;
        }
        let key = key_set.find(algorithm, token.kid.as_deref()).ok_or(TokenRejection::UnknownKey)?;
        key.verify(token).map_err(|_| TokenRejection::BadSignature)
    }
}
