//! Firebase App Check tokens: the same key sets as users' tokens, and a cache of those that passed.
//! Which claims they must carry is decided in `keyward_domain::app_check`.

use std::time::Duration as StdDuration;

use keyward_domain::app_check::{APP_CHECK_KEYS_URL, check_app_check_claims};
use keyward_domain::policy::AppCheckPolicy;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use crate::KeySets;
use crate::jws::{Algorithm, CompactToken};
use crate::rejection::TokenRejection;

const LONGEST: Duration = Duration::minutes(5);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppCheckFailure {
    /// Our side's trouble: nothing is known of the token.
    #[error("the keys of App Check can't be fetched right now")]
    Unavailable,
    /// A text that a stranger may read.
    #[error("{0}")]
    Refused(String),
}

#[derive(Clone)]
pub struct AppChecks {
    key_sets: KeySets,
    /// By what was asked of which token; until when it counts. Never holds a token.
    passed: Cache<[u8; 32], OffsetDateTime>,
}

impl AppChecks {
    /// `capacity` in tokens.
    pub fn new(key_sets: KeySets, capacity: u64) -> Self {
        let memory_only = StdDuration::from_secs(LONGEST.whole_seconds().unsigned_abs());
        let passed = Cache::builder().max_capacity(capacity).time_to_live(memory_only).build();
        Self { key_sets, passed }
    }

    /// Nothing is fetched for a token that its form or its claims already refuse.
    pub async fn verify(
        &self,
        policy: &AppCheckPolicy,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<(), AppCheckFailure> {
        let key = digest(policy, token);
        if self.passed.get(&key).is_some_and(|until| now < until) {
            return Ok(());
        }
        let parsed = CompactToken::parse(token).map_err(|error| AppCheckFailure::Refused(error.to_string()))?;
        let claims = parsed.claims().map_err(|error| AppCheckFailure::Refused(error.to_string()))?;
        if parsed.algorithm != Algorithm::Rs256.name() {
            return Err(refused(TokenRejection::AlgorithmNotAllowed));
        }
        if parsed.kid.is_none() {
            return Err(refused(TokenRejection::UnknownKey));
        }
        let expires_at = check_app_check_claims(policy, &claims, now)
            .map_err(|failure| AppCheckFailure::Refused(failure.to_string()))?;
        self.key_sets.check_published(APP_CHECK_KEYS_URL, Algorithm::Rs256, &parsed).await.map_err(refused)?;
        self.passed.insert(key, expires_at.min(now + LONGEST));
        Ok(())
    }
}

fn refused(rejection: TokenRejection) -> AppCheckFailure {
    match rejection {
        TokenRejection::IssuerUnavailable => AppCheckFailure::Unavailable,
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
        | TokenRejection::RoleRefused => AppCheckFailure::Refused(rejection.to_string()),
    }
}

/// Another one as soon as something else is asked of the token.
fn digest(policy: &AppCheckPolicy, token: &str) -> [u8; 32] {
    let mut hash = Sha256::new().chain_update(&policy.project_number);
    for app in &policy.app_ids {
        hash.update([0]);
        hash.update(app);
    }
    hash.chain_update([1]).chain_update(token).finalize().into()
}
