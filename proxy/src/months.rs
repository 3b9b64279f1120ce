//! The calendar months around now, worked out once a month for each app: the time zones' rules are many.

use std::sync::{Mutex, PoisonError};

use keyward_domain::calendar::{self, Months};

#[derive(Default)]
pub struct MonthsKept(Mutex<Option<Months>>);

impl MonthsKept {
    /// `time_zone` is always the same.
    pub fn around(&self, time_zone: &str, now_ms: u64) -> Months {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *kept {
            Some(months) if (months.starts_ms[1]..months.starts_ms[2]).contains(&now_ms) => months,
            Some(_) | None => *kept.insert(calendar::months(time_zone, now_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_any_moment_they_are_what_the_calendar_says() {
        let (kept, day_ms) = (MonthsKept::default(), 86_400_000);
        // From 2026-01-01 on, and back again.
        let moments = (0..800).chain((0..800).rev()).map(|half_days| 1_767_225_600_000 + half_days * day_ms / 2);
        for now_ms in moments.flat_map(|now_ms| [now_ms - 1, now_ms, now_ms + 5 * 3_600_000]) {
            assert_eq!(
                kept.around("America/New_York", now_ms),
                calendar::months("America/New_York", now_ms),
                "{now_ms}"
            );
        }
    }
}
