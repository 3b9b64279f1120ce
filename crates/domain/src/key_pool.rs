//! Which of a proxy's keys serves a call, and how long a key rests that the provider turned away.
//! A rest holds for one endpoint and model: a user who asks for a model that the key may not use must not be able to
//! put the key to rest for everybody.

use time::{Duration, OffsetDateTime};

/// A proxy has so many keys at most.
pub const MAX_KEYS: i64 = 10;
pub const MAX_WEIGHT: u32 = 1_000;

const FIRST_REFUSAL_REST: Duration = Duration::minutes(10);
const LONGEST_REFUSAL_REST: Duration = Duration::hours(1);
const RATE_LIMIT_REST: Duration = Duration::seconds(30);
const LONGEST_RATE_LIMIT_REST: Duration = Duration::minutes(10);
/// When every key was refused, one of them is tried so often: the developer may have mended it at the provider.
const TRY_REFUSED_EVERY: Duration = Duration::seconds(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestCause {
    /// 401: the provider knows no such key.
    Refused,
    /// 403: not for this call. Providers say so of models, regions and objects too, and so it closes nothing.
    Forbidden,
    /// 429.
    RateLimited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    pub cause: RestCause,
    pub until: OffsetDateTime,
    /// When the key was last tried.
    pub tried_at: OffsetDateTime,
    /// Refusals in a row.
    pub refusals: u32,
}

/// What a provider's status says of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// It was let in, whatever became of the call.
    Accepted,
    Refused,
    Forbidden,
    RateLimited {
        retry_after_secs: Option<u64>,
    },
}

impl KeyVerdict {
    pub fn of(status: u16, retry_after_secs: Option<u64>) -> Self {
        match status {
            401 => Self::Refused,
            403 => Self::Forbidden,
            429 => Self::RateLimited { retry_after_secs },
            _ => Self::Accepted,
        }
    }
}

/// How the key rests from now on; `None` when it is awake.
pub fn rest_after(before: Option<Rest>, verdict: KeyVerdict, now: OffsetDateTime) -> Option<Rest> {
    match verdict {
        KeyVerdict::Accepted => None,
        KeyVerdict::Refused | KeyVerdict::Forbidden => {
            let refusals = before.map_or(0, |rest| rest.refusals).saturating_add(1);
            let rest = FIRST_REFUSAL_REST * 2_i32.pow(refusals.saturating_sub(1).min(8));
            let until = now + rest.min(LONGEST_REFUSAL_REST);
            let cause = if verdict == KeyVerdict::Refused { RestCause::Refused } else { RestCause::Forbidden };
            Some(Rest { cause, until, tried_at: now, refusals })
        }
        KeyVerdict::RateLimited { retry_after_secs } => {
            let asked = retry_after_secs.map(|secs| Duration::seconds(i64::try_from(secs).unwrap_or(i64::MAX)));
            let rest = asked.unwrap_or(RATE_LIMIT_REST).clamp(Duration::SECOND, LONGEST_RATE_LIMIT_REST);
            Some(Rest { cause: RestCause::RateLimited, until: now + rest, tried_at: now, refusals: 0 })
        }
    }
}

/// A key of the pool, for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its share of the calls; 0 for none.
    pub weight: u32,
    pub rest: Option<Rest>,
}

/// By their places in the list that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Awake(usize),
    /// All rest; of those that the provider knows, this one wakes first.
    Drowsy(usize),
    /// The provider refused all; this one is due to be tried again.
    TryRefused(usize),
    AllRefused,
    /// There is no key, or none with a weight.
    NoKey,
}

/// `roll` is random, and decides among the keys that are awake by their weights.
pub fn choose(pool: &[Candidate], roll: u64, now: OffsetDateTime) -> Choice {
    let used = || pool.iter().enumerate().filter(|(_, candidate)| candidate.weight > 0);
    let resting = |candidate: &Candidate| candidate.rest.filter(|rest| rest.until > now);
    let awake: Vec<(usize, u64)> = used()
        .filter(|(_, candidate)| resting(candidate).is_none())
        .map(|(at, candidate)| (at, u64::from(candidate.weight)))
        .collect();
    let total: u64 = awake.iter().map(|(_, weight)| weight).sum();
    if total > 0 {
        let mut left = roll % total;
        for (at, weight) in awake {
            if left < weight {
                return Choice::Awake(at);
            }
            left -= weight;
        }
    }
    let rests: Vec<(usize, Rest)> = used().filter_map(|(at, candidate)| Some((at, resting(candidate)?))).collect();
    if let Some((at, _)) =
        rests.iter().filter(|(_, rest)| rest.cause != RestCause::Refused).min_by_key(|(_, rest)| rest.until)
    {
        return Choice::Drowsy(*at);
    }
    match rests.iter().min_by_key(|(_, rest)| rest.tried_at) {
        Some((at, rest)) if now - rest.tried_at >= TRY_REFUSED_EVERY => Choice::TryRefused(*at),
        Some(_) => Choice::AllRefused,
        None => Choice::NoKey,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-15 12:00 UTC);

    fn awake(weight: u32) -> Candidate {
        Candidate { weight, rest: None }
    }

    fn resting(cause: RestCause, secs: i64) -> Candidate {
        let rest = Rest { cause, until: NOW + Duration::seconds(secs), tried_at: NOW, refusals: 1 };
        Candidate { weight: 1, rest: Some(rest) }
    }

    #[test]
    fn keys_serve_by_their_weights_and_a_weightless_one_never() {
        let pool = [awake(1), awake(0), awake(3), resting(RestCause::Refused, 60), awake(6)];
        let mut served = [0_u32; 5];
        for roll in 0..10_000 {
            // An odd multiplier visits every remainder equally often.
            match choose(&pool, roll * 7_919, NOW) {
                Choice::Awake(at) => served[at] += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(served, [1_000, 0, 3_000, 0, 6_000]);
    }

    #[test]
    fn the_one_that_wakes_first_serves_when_all_were_slowed_down() {
        let slowed = |secs| resting(RestCause::RateLimited, secs);
        let pool = [slowed(60), slowed(20), resting(RestCause::Refused, 5_000)];
        assert_eq!(choose(&pool, 9, NOW), Choice::Drowsy(1));
        assert_eq!(choose(&pool, 9, NOW + Duration::seconds(19)), Choice::Drowsy(1));
        assert_eq!(choose(&pool, 9, NOW + Duration::seconds(20)), Choice::Awake(1));
    }

    #[test]
    fn a_key_that_was_forbidden_something_rests_behind_the_others_and_closes_nothing() {
        let rest = rest_after(None, KeyVerdict::of(403, None), NOW);
        let forbidden = Candidate { weight: 1, rest };
        assert_eq!(choose(&[forbidden, awake(1)], 0, NOW), Choice::Awake(1));
        assert_eq!(choose(&[forbidden, resting(RestCause::Refused, 5)], 0, NOW), Choice::Drowsy(0));
    }

    #[test]
    fn a_pool_that_was_refused_is_tried_again_now_and_then() {
        let pool = [resting(RestCause::Refused, 600), resting(RestCause::Refused, 600)];
        assert_eq!(choose(&pool, 0, NOW), Choice::AllRefused);
        assert_eq!(choose(&pool, 0, NOW + Duration::seconds(29)), Choice::AllRefused);
        assert_eq!(choose(&pool, 0, NOW + Duration::seconds(30)), Choice::TryRefused(0));
        assert_eq!(choose(&[], 0, NOW), Choice::NoKey);
        assert_eq!(choose(&[awake(0)], 0, NOW), Choice::NoKey);
    }

    #[test]
    fn refusals_in_a_row_rest_longer_and_a_success_wakes() {
        let mut rest = None;
        for minutes in [10, 20, 40, 60, 60, 60] {
            rest = rest_after(rest, KeyVerdict::Refused, NOW);
            assert_eq!(rest.map(|rest| rest.until - NOW), Some(Duration::minutes(minutes)));
        }
        assert_eq!(rest_after(rest, KeyVerdict::Accepted, NOW), None);
        for _ in 0..100 {
            rest = rest_after(rest, KeyVerdict::Refused, NOW);
        }
        assert_eq!(rest.map(|rest| rest.until - NOW), Some(LONGEST_REFUSAL_REST));
    }

    #[test]
    fn a_rest_for_too_many_calls_is_what_the_provider_asks_within_bounds() {
        for (status, retry_after_secs, want) in
            [(429, None, 30), (429, Some(7), 7), (429, Some(0), 1), (429, Some(u64::MAX), 600)]
        {
            let rest = rest_after(None, KeyVerdict::of(status, retry_after_secs), NOW).expect("it rests");
            assert_eq!((rest.cause, rest.until - NOW), (RestCause::RateLimited, Duration::seconds(want)));
        }
        for status in [200, 400, 404, 500, 503] {
            assert_eq!(KeyVerdict::of(status, None), KeyVerdict::Accepted);
        }
    }
}
