//! The rate limit of each app user on each proxy, in this process. The decision itself is `keyward_domain::limits`.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keyward_domain::ids::ProxyId;
use keyward_domain::issuer::Subject;
use keyward_domain::limits::{Quota, RateLimit, Reserved, SlidingLog, Window};

const SHARDS: usize = 64;
/// A shard is swept when it has grown by so many users.
const SWEEP_EVERY: usize = 1_024;

type User = (ProxyId, Subject);

#[derive(Clone)]
pub struct Limiter {
    shards: Arc<[Mutex<Shard>; SHARDS]>,
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    logs: HashMap<User, (Window, SlidingLog)>,
    sweep_at: usize,
}

/// One admitted request's place under the limit.
pub struct Slot {
    held: Option<(Limiter, User, Reserved)>,
}

impl Slot {
    /// What the client is told; none without a limit.
    pub fn quota(&self) -> Option<Quota> {
        self.held.as_ref().map(|(_, _, reserved)| reserved.quota)
    }

    /// The upstream did nothing: the place is free again.
    pub fn refund(self) {
        if let Some((limiter, user, reserved)) = self.held
            && let Some((_, log)) = limiter.shard(&user).logs.get_mut(&user)
        {
            log.refund(&reserved);
        }
    }
}

impl Limiter {
    pub fn new() -> Self {
        Self { shards: Arc::new(std::array::from_fn(|_| Mutex::default())), hasher: RandomState::new() }
    }

    /// Counts and decides under one lock, so that of any number at once exactly the limit passes.
    pub fn reserve(
        &self,
        proxy: ProxyId,
        subject: &Subject,
        limit: Option<RateLimit>,
        now_ms: u64,
    ) -> Result<Slot, Quota> {
        let Some(limit) = limit else { return Ok(Slot { held: None }) };
        let user = (proxy, subject.clone());
        let mut shard = self.shard(&user);
        shard.sweep(now_ms);
        let (window, log) = shard.logs.entry(user.clone()).or_insert_with(|| (limit.window, SlidingLog::default()));
        *window = limit.window;
        let reserved = log.reserve(limit, now_ms)?;
        drop(shard);
        Ok(Slot { held: Some((self.clone(), user, reserved)) })
    }

    fn shard(&self, user: &User) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(user) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn sweep(&mut self, now_ms: u64) {
        if self.logs.len() >= self.sweep_at.max(SWEEP_EVERY) {
            self.logs.retain(|_, (window, log)| !log.is_idle(*window, now_ms));
            self.sweep_at = self.logs.len() + SWEEP_EVERY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_domain::ids::IssuerId;

    const TEN: Option<RateLimit> = Some(RateLimit { requests: 10, window: Window::Minute });

    fn subject(sub: &str) -> Subject {
        Subject { issuer: IssuerId(uuid::Uuid::nil()), sub: sub.to_owned() }
    }

    #[test]
    fn of_a_thousand_threads_at_once_exactly_ten_pass() {
        let limiter = Limiter::new();
        let proxy = ProxyId(uuid::Uuid::nil());
        let passed: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..50)
                .map(|_| {
                    scope.spawn(|| (0..20).filter(|_| limiter.reserve(proxy, &subject("a"), TEN, 5).is_ok()).count())
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
        });
        assert_eq!(passed, 10);
    }

    #[test]
    fn each_user_on_each_proxy_has_a_limit_of_its_own() {
        let limiter = Limiter::new();
        let (one, two) = (ProxyId(uuid::Uuid::from_u128(1)), ProxyId(uuid::Uuid::from_u128(2)));
        let pass = |proxy, sub: &str| (0..20).filter(|_| limiter.reserve(proxy, &subject(sub), TEN, 5).is_ok()).count();
        assert_eq!([pass(one, "a"), pass(one, "b"), pass(two, "a"), pass(one, "a")], [10, 10, 10, 0]);
    }

    #[test]
    fn idle_users_are_forgotten() {
        let limiter = Limiter::new();
        let proxy = ProxyId(uuid::Uuid::nil());
        for user in 0..SHARDS * SWEEP_EVERY * 2 {
            let _ = limiter.reserve(proxy, &subject(&user.to_string()), TEN, user as u64);
        }
        let _ = (0..SHARDS * SWEEP_EVERY * 2)
            .filter(|user| limiter.reserve(proxy, &subject(&format!("b{user}")), TEN, 10_000_000).is_ok())
            .count();
        let kept: usize = limiter.shards.iter().map(|shard| shard.lock().expect("no panic").logs.len()).sum();
        assert!(kept <= SHARDS * SWEEP_EVERY * 3, "{kept}");
    }
}
