//! How much may be used in which time, and the sliding decision itself.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// One limit or budget. Whom "everyone" means depends on where it stands: at an App, a Plan or a Proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub measure: Measure,
    pub window: Window,
    pub per: Per,
    /// Only calls of this model count; a `*` at the end stands for any rest.
    #[serde(default)]
    pub model: Option<String>,
    pub amount: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Requests,
    InputTokens,
    OutputTokens,
    TotalTokens,
    CostMicroUsd,
}

/// Who shares a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Each app user has it.
    User,
    /// Each client address (of IPv6 each /64) has it for all its anonymous users.
    AnonymousAddress,
    Everyone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// While they are under way: how many requests at once.
    AtOnce,
    Second,
    Minute,
    Hour,
    Day,
    /// A calendar month in the App's time zone.
    Month,
}

impl Window {
    pub const ALL: [Self; 6] = [Self::AtOnce, Self::Second, Self::Minute, Self::Hour, Self::Day, Self::Month];

    pub fn secs(self) -> u64 {
        match self {
            Self::AtOnce => 0,
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Month => 2_592_000,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// At most `requests` in any `window`, for each app user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    pub requests: u32,
    pub window: Window,
}

/// Up to this many requests are remembered one by one. With a larger limit, requests closer together than
/// 1/1,024 of the window share an entry that counts until its last one has left the window: never too many pass.
const ENTRIES: u64 = 1_024;

/// When one app user's requests on one Proxy were admitted. Times are milliseconds of the Unix epoch.
#[derive(Clone, Debug, Default)]
pub struct SlidingLog {
    entries: VecDeque<Entry>,
    admitted: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    first_ms: u64,
    last_ms: u64,
    count: u32,
}

/// One admitted request, and what the client is told of its quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    pub at_ms: u64,
    pub quota: Quota,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: RateLimit,
    pub remaining: u32,
    /// When the oldest request leaves the window and one more may pass. At least 1.
    pub reset_secs: u64,
}

impl SlidingLog {
    /// Takes one request's place, or says when to come again.
    pub fn reserve(&mut self, limit: RateLimit, now_ms: u64) -> Result<Reserved, Quota> {
        // A clock that is set back must not open the window early.
        let now_ms = self.entries.back().map_or(now_ms, |last| now_ms.max(last.last_ms));
        self.expire(limit.window, now_ms);
        if self.admitted >= limit.requests {
            return Err(self.quota(limit, now_ms));
        }
        let window_ms = limit.window.secs() * 1_000;
        let grain_ms = if u64::from(limit.requests) > ENTRIES { window_ms / ENTRIES } else { 0 };
        match self.entries.back_mut().filter(|last| now_ms - last.first_ms < grain_ms) {
            Some(last) => {
                last.last_ms = now_ms;
                last.count += 1;
            }
            None => self.entries.push_back(Entry { first_ms: now_ms, last_ms: now_ms, count: 1 }),
        }
        self.admitted += 1;
        Ok(Reserved { at_ms: now_ms, quota: self.quota(limit, now_ms) })
    }

    /// Gives a place back: the upstream did nothing.
    pub fn refund(&mut self, reserved: &Reserved) {
        let holds = |entry: &&mut Entry| (entry.first_ms..=entry.last_ms).contains(&reserved.at_ms) && entry.count > 0;
        if let Some(entry) = self.entries.iter_mut().rev().find(holds) {
            entry.count -= 1;
            self.admitted -= 1;
        }
    }

    /// Nothing is left that could refuse a request; the log may be forgotten.
    pub fn is_idle(&self, window: Window, now_ms: u64) -> bool {
        self.entries.back().is_none_or(|last| last.last_ms + window.secs() * 1_000 <= now_ms)
    }

    fn expire(&mut self, window: Window, now_ms: u64) {
        while let Some(oldest) = self.entries.front().copied() {
            if oldest.count > 0 && oldest.last_ms + window.secs() * 1_000 > now_ms {
                break;
            }
            self.admitted -= oldest.count;
            self.entries.pop_front();
        }
    }

    fn quota(&self, limit: RateLimit, now_ms: u64) -> Quota {
        let window_ms = limit.window.secs() * 1_000;
        let frees_ms = self
            .entries
            .iter()
            .find(|entry| entry.count > 0)
            .map_or(window_ms, |oldest| (oldest.last_ms + window_ms).saturating_sub(now_ms));
        Quota {
            limit,
            remaining: limit.requests.saturating_sub(self.admitted),
            reset_secs: frees_ms.div_ceil(1_000).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_A_MINUTE: RateLimit = RateLimit { requests: 10, window: Window::Minute };

    fn passed(log: &mut SlidingLog, limit: RateLimit, times_ms: impl IntoIterator<Item = u64>) -> usize {
        times_ms.into_iter().filter(|&at| log.reserve(limit, at).is_ok()).count()
    }

    #[test]
    fn exactly_the_limit_passes() {
        let mut log = SlidingLog::default();
        assert_eq!(passed(&mut log, TEN_A_MINUTE, std::iter::repeat_n(5_000, 1_000)), 10);
    }

    #[test]
    fn there_is_no_double_burst_at_a_window_edge() {
        let mut log = SlidingLog::default();
        assert_eq!(passed(&mut log, TEN_A_MINUTE, std::iter::repeat_n(59_999, 10)), 10);
        assert_eq!(passed(&mut log, TEN_A_MINUTE, std::iter::repeat_n(60_001, 10)), 0);
        assert_eq!(passed(&mut log, TEN_A_MINUTE, std::iter::repeat_n(119_998, 10)), 0);
        assert_eq!(passed(&mut log, TEN_A_MINUTE, std::iter::repeat_n(119_999, 10)), 10);
    }

    #[test]
    fn a_refusal_says_when_the_oldest_place_is_free() {
        let mut log = SlidingLog::default();
        passed(&mut log, TEN_A_MINUTE, (0..10).map(|n| n * 1_000));
        let refused = log.reserve(TEN_A_MINUTE, 15_500).expect_err("the limit is reached");
        assert_eq!((refused.remaining, refused.reset_secs), (0, 45));
        assert!(log.reserve(TEN_A_MINUTE, 15_500 + 45_000).is_ok());
    }

    #[test]
    fn a_refunded_place_can_be_taken_again() {
        let mut log = SlidingLog::default();
        let first = log.reserve(TEN_A_MINUTE, 1).expect("free");
        passed(&mut log, TEN_A_MINUTE, 2..=10);
        assert!(log.reserve(TEN_A_MINUTE, 11).is_err());
        log.refund(&first);
        assert!(log.reserve(TEN_A_MINUTE, 12).is_ok());
        assert!(log.reserve(TEN_A_MINUTE, 13).is_err());
    }

    #[test]
    fn a_clock_set_back_opens_nothing() {
        let mut log = SlidingLog::default();
        passed(&mut log, TEN_A_MINUTE, std::iter::repeat_n(100_000, 10));
        assert!(log.reserve(TEN_A_MINUTE, 10).is_err());
    }

    #[test]
    fn a_large_limit_remembers_a_bounded_number_of_entries() {
        let limit = RateLimit { requests: 1_000_000, window: Window::Minute };
        let mut log = SlidingLog::default();
        assert_eq!(passed(&mut log, limit, (0..200_000).map(|n| n / 2)), 200_000);
        assert!(log.entries.len() <= 1_100, "{}", log.entries.len());
    }
}
