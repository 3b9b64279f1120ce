//! What has been counted under one limit: amounts in sparse buckets, of which each leaves when all of it is outside the
//! window, so that no window ever holds more than was admitted; and amounts that are held by calls under way.
//! The script in `proxy/src/limiter/redis` counts by the same rule.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Limit, Window};
use crate::calendar::Months;

/// A limit of up to so many is exact to the millisecond; a larger one to this part of its window.
const FINEST: u64 = 256;
/// Two calendar months begin at least 28 days apart; the same one may begin some hours apart, in another time zone.
const SAME_MONTH_MS: u64 = 2 * 86_400_000;

/// Times are milliseconds of the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Oldest first: the last millisecond that a bucket can hold, of a calendar month its first, and how much it holds.
    #[serde(serialize_with = "write_buckets", deserialize_with = "read_buckets")]
    buckets: VecDeque<(u64, u64)>,
    counted: u64,
    /// Not kept over a restart: those calls have ended.
    #[serde(skip)]
    held: u64,
}

fn write_buckets<S: Serializer>(buckets: &VecDeque<(u64, u64)>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(buckets.iter().copied())
}

fn read_buckets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VecDeque<(u64, u64)>, D::Error> {
    Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
}

/// Where an amount of this moment belongs, and what has left by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub bucket_ms: u64,
    /// Buckets up to here are gone.
    pub horizon_ms: u64,
    /// From a bucket's mark to the moment it is gone.
    pub leaves_after_ms: u64,
}

impl Frame {
    pub fn of(limit: &Limit, now_ms: u64, months: &Months) -> Self {
        match limit.window {
            Window::AtOnce => Self { bucket_ms: now_ms, horizon_ms: 0, leaves_after_ms: 0 },
            Window::Month => {
                let month = months.at(now_ms);
                Self {
                    bucket_ms: month.start_ms,
                    horizon_ms: month.start_ms.saturating_sub(SAME_MONTH_MS),
                    leaves_after_ms: month.end_ms.saturating_sub(month.start_ms),
                }
            }
            Window::Second | Window::Minute | Window::Hour | Window::Day => {
                let window_ms = limit.window.secs() * 1_000;
                let grain_ms = grain_ms(limit);
                Self {
                    bucket_ms: now_ms - now_ms % grain_ms + grain_ms - 1,
                    horizon_ms: now_ms.saturating_sub(window_ms),
                    leaves_after_ms: window_ms,
                }
            }
        }
    }
}

/// How much time shares a bucket.
pub fn grain_ms(limit: &Limit) -> u64 {
    if limit.amount <= FINEST { 1 } else { (limit.window.secs() * 1_000 / FINEST).max(1) }
}

impl Counter {
    /// Counted and held, after what is gone was let go.
    pub fn used(&mut self, frame: Frame) -> u64 {
        while let Some(&(bucket_ms, amount)) = self.buckets.front()
            && bucket_ms <= frame.horizon_ms
        {
            self.buckets.pop_front();
            self.counted = self.counted.saturating_sub(amount);
        }
        self.counted.saturating_add(self.held)
    }

    /// A bucket that is gone takes nothing more.
    pub fn count(&mut self, bucket_ms: u64, amount: u64, frame: Frame) {
        if amount > 0 && bucket_ms > frame.horizon_ms {
            self.add(bucket_ms, amount);
        }
    }

    pub fn take_back(&mut self, bucket_ms: u64, amount: u64) {
        let Ok(at) = self.place(bucket_ms) else { return };
        let bucket = &mut self.buckets[at].1;
        let taken = amount.min(*bucket);
        *bucket -= taken;
        self.counted = self.counted.saturating_sub(taken);
        if *bucket == 0 {
            self.buckets.remove(at);
        }
    }

    fn add(&mut self, bucket_ms: u64, amount: u64) {
        match self.place(bucket_ms) {
            Ok(at) => self.buckets[at].1 = self.buckets[at].1.saturating_add(amount),
            Err(at) => {
                // Most counters have one or two buckets; by itself it would grow to four.
                if self.buckets.len() == self.buckets.capacity() {
                    self.buckets.reserve_exact(self.buckets.len().max(1));
                }
                self.buckets.insert(at, (bucket_ms, amount));
            }
        }
        self.counted = self.counted.saturating_add(amount);
    }

    /// Where the bucket is, or would be: nearly always at the end.
    fn place(&self, bucket_ms: u64) -> Result<usize, usize> {
        match self.buckets.back() {
            Some(&(last_ms, _)) if last_ms >= bucket_ms => {
                self.buckets.binary_search_by_key(&bucket_ms, |bucket| bucket.0)
            }
            Some(_) | None => Err(self.buckets.len()),
        }
    }

    pub fn hold(&mut self, amount: u64) {
        self.held = self.held.saturating_add(amount);
    }

    pub fn release(&mut self, amount: u64) {
        self.held = self.held.saturating_sub(amount);
    }

    /// How long until so much of what is counted has left; `None` when even all of it isn't enough, or calls under way
    /// must end first.
    pub fn frees_in_ms(&self, wanted: u64, frame: Frame, now_ms: u64) -> Option<u64> {
        let mut left = 0_u64;
        for &(bucket_ms, amount) in &self.buckets {
            left = left.saturating_add(amount);
            if left >= wanted {
                return Some((bucket_ms + frame.leaves_after_ms).saturating_sub(now_ms).max(1));
            }
        }
        None
    }

    /// Nothing is left that could refuse a call: it may be forgotten.
    pub fn is_idle(&mut self, frame: Frame) -> bool {
        self.used(frame) == 0
    }

    /// What is kept over a restart, if anything is.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// What an earlier process counted, added to what this one has.
    pub fn absorb(&mut self, earlier: &Self) {
        for &(bucket_ms, amount) in &earlier.buckets {
            self.add(bucket_ms, amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_written_down_as_it_always_was() {
        let frame = Frame { bucket_ms: 0, horizon_ms: 0, leaves_after_ms: 60_000 };
        let mut counter = Counter::default();
        for (bucket_ms, amount) in [(200, 3), (1_000, 1), (90, 5), (200, 4)] {
            counter.count(bucket_ms, amount, frame);
        }
        counter.hold(9);
        let text = serde_json::to_string(&counter).expect("JSON");
        assert_eq!(text, r#"{"buckets":{"90":5,"200":7,"1000":1},"counted":13}"#);
        // A database orders names as text.
        let stored = r#"{"counted": 13, "buckets": {"1000": 1, "200": 7, "90": 5}}"#;
        let read: Counter = serde_json::from_str(stored).expect("a counter");
        counter.release(9);
        assert_eq!(read, counter);
        counter.take_back(200, 7);
        assert_eq!(counter.frees_in_ms(6, frame, 1_000), Some(60_000), "the middle one is gone");
    }
}
