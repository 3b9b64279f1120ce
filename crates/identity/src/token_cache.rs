//! Tokens that passed, so that the next request with the same one costs a hash.
//! Keyed by scope and digest: the cache never holds a token, and one app's verdict is no other app's.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use moka::sync::Cache;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::VerifiedToken;

const LONGEST: Duration = Duration::minutes(5);

/// Refusals are not cached: they cost no network, and a cache of them could be filled by anyone.
#[derive(Clone)]
pub struct TokenCache {
    entries: Cache<[u8; 32], Entry>,
}

#[derive(Clone)]
struct Entry {
    until: OffsetDateTime,
    verified: Arc<VerifiedToken>,
}

impl TokenCache {
    /// `capacity` in tokens.
    pub fn new(capacity: u64) -> Self {
        let memory_only = StdDuration::from_secs(LONGEST.whole_seconds().unsigned_abs());
        Self { entries: Cache::builder().max_capacity(capacity).time_to_live(memory_only).build() }
    }

    /// `scope` is the id of the app or proxy whose linked issuers accepted the token.
    pub fn get(&self, scope: Uuid, token: &str, now: OffsetDateTime) -> Option<Arc<VerifiedToken>> {
        let key = digest(scope, token);
        let entry = self.entries.get(&key)?;
        if now < entry.until {
            return Some(entry.verified);
        }
        self.entries.invalidate(&key);
        None
    }

    pub fn insert(&self, scope: Uuid, token: &str, verified: Arc<VerifiedToken>, now: OffsetDateTime) {
        let until = verified.expires_at.min(now + LONGEST);
        if now < until {
            self.entries.insert(digest(scope, token), Entry { until, verified });
        }
    }

    /// For a change of configuration whose effect on single tokens is not worth working out.
    pub fn clear(&self) {
        self.entries.invalidate_all();
    }
}

fn digest(scope: Uuid, token: &str) -> [u8; 32] {
    Sha256::new().chain_update(scope.as_bytes()).chain_update(token).finalize().into()
}
