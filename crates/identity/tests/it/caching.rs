//! The cache of verified tokens.

use std::sync::Arc;

use keyward_domain::ids::IssuerId;
use keyward_domain::issuer::Subject;
use keyward_identity::{TokenCache, VerifiedToken};
use serde_json::Map;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::signer::now;

const SCOPE: Uuid = Uuid::from_u128(1);

fn verified_until(expires_at: OffsetDateTime) -> Arc<VerifiedToken> {
    let subject = Subject { issuer: IssuerId(Uuid::nil()), sub: "ada".to_owned() };
    Arc::new(VerifiedToken { subject, expires_at, issued_at: None, anonymous: false, plan: None, claims: Map::new() })
}

#[test]
fn a_cached_token_lives_until_it_expires() {
    let cache = TokenCache::new(10);
    cache.insert(SCOPE, "token", verified_until(now() + Duration::seconds(90)), now());
    assert!(cache.get(SCOPE, "token", now() + Duration::seconds(89)).is_some());
    assert!(cache.get(SCOPE, "token", now() + Duration::seconds(90)).is_none());
}

#[test]
fn a_cached_token_lives_five_minutes_at_most() {
    let cache = TokenCache::new(10);
    cache.insert(SCOPE, "token", verified_until(now() + Duration::hours(1)), now());
    assert!(cache.get(SCOPE, "token", now() + Duration::seconds(299)).is_some());
    assert!(cache.get(SCOPE, "token", now() + Duration::seconds(300)).is_none());
}

#[test]
fn a_token_within_the_leeway_is_not_cached() {
    let cache = TokenCache::new(10);
    cache.insert(SCOPE, "token", verified_until(now() - Duration::seconds(10)), now());
    assert!(cache.get(SCOPE, "token", now() - Duration::seconds(20)).is_none());
}

#[test]
fn one_scope_does_not_see_the_tokens_of_another() {
    let cache = TokenCache::new(10);
    cache.insert(SCOPE, "token", verified_until(now() + Duration::hours(1)), now());
    assert!(cache.get(Uuid::from_u128(2), "token", now()).is_none());
    assert!(cache.get(SCOPE, "token2", now()).is_none());
    cache.clear();
    assert!(cache.get(SCOPE, "token", now()).is_none());
}

#[test]
fn a_verified_token_shows_no_claims_in_logs() {
    let shown = format!("{:?}", verified_until(now()));
    assert!(!shown.contains("ada"), "{shown}");
}
