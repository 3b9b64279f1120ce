//! Which keys rest, in this process: kept across changes of the configuration, by key, endpoint and model.
//! The decisions are `keyward_domain::key_pool`'s.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyward_domain::ids::KeyId;
use keyward_domain::key_pool::{Candidate, Choice, KeyVerdict, Rest, choose, rest_after};
use moka::sync::Cache;
use time::OffsetDateTime;

use crate::served_keys::UsableKey;

const RESTS: u64 = 100_000;
/// Longer than any rest, so that a refusal soon after one counts as the next in a row.
const REMEMBERED_FOR: Duration = Duration::from_secs(2 * 60 * 60);

pub struct KeyRests {
    rests: Cache<(KeyId, Scope), Rest>,
    hasher: RandomState,
    rolls: AtomicU64,
    /// Whether any key had to rest since the start: mostly none had, and there is nothing to look up.
    is_known: AtomicBool,
}

/// An endpoint and a model, in a form that no caller can make collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(u64);

/// How all keys of a proxy are, for one endpoint and model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// One of them at least.
    Awake,
    Resting,
    Empty,
}

impl KeyRests {
    pub fn new() -> Self {
        let rests = Cache::builder().max_capacity(RESTS).time_to_live(REMEMBERED_FOR).build();
        Self { rests, hasher: RandomState::new(), rolls: AtomicU64::new(0), is_known: AtomicBool::new(false) }
    }

    fn rest(&self, at: &(KeyId, Scope)) -> Option<Rest> {
        if self.is_known.load(Ordering::Acquire) { self.rests.get(at) } else { None }
    }

    pub fn scope(&self, template: &str, model: Option<&str>) -> Scope {
        Scope(self.hasher.hash_one((template, model)))
    }

    pub fn choose(&self, keys: &[UsableKey<'_>], scope: Scope, now: OffsetDateTime) -> Choice {
        let candidate = |key: &UsableKey<'_>| Candidate { weight: key.weight, rest: self.rest(&(key.id, scope)) };
        let roll = self.hasher.hash_one(self.rolls.fetch_add(1, Ordering::Relaxed));
        let choice = choose(&keys.iter().map(candidate).collect::<Vec<_>>(), roll, now);
        if let Choice::TryRefused(at) = choice
            && let Some(rest) = self.rest(&(keys[at].id, scope))
        {
            // One call tries it; those that come meanwhile are told that it was refused.
            self.rests.insert((keys[at].id, scope), Rest { tried_at: now, ..rest });
        }
        choice
    }

    /// A look; nothing is noted of it.
    pub fn pool(&self, keys: &[UsableKey<'_>], scope: Scope, now: OffsetDateTime) -> Pool {
        let mut pool = Pool::Empty;
        for key in keys.iter().filter(|key| key.weight > 0) {
            if self.rest(&(key.id, scope)).is_none_or(|rest| rest.until <= now) {
                return Pool::Awake;
            }
            pool = Pool::Resting;
        }
        pool
    }

    /// As if none of them rested.
    pub fn choose_rested(&self, keys: &[UsableKey<'_>], now: OffsetDateTime) -> Choice {
        let roll = self.hasher.hash_one(self.rolls.fetch_add(1, Ordering::Relaxed));
        choose(&keys.iter().map(|key| Candidate { weight: key.weight, rest: None }).collect::<Vec<_>>(), roll, now)
    }

    /// What a provider's answer means for the key's next calls.
    pub fn note(&self, key: KeyId, scope: Scope, verdict: KeyVerdict, now: OffsetDateTime) {
        let at = (key, scope);
        let before = self.rest(&at);
        match rest_after(before, verdict, now) {
            Some(rest) => {
                self.rests.insert(at, rest);
                self.is_known.store(true, Ordering::Release);
            }
            None if before.is_some() => self.rests.invalidate(&at),
            None => {}
        }
    }
}
