//! Calendar months in a time zone of the IANA database, which is built in. Nothing that runs in the browser may call this:
//! it would bring the database with it.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Milliseconds of the Unix epoch; the end is the next month's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    pub start_ms: u64,
    pub end_ms: u64,
}

/// The month that a moment is in, with those beside it: who counts may have a clock of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Months {
    /// Starts of the month before, this one, the next, and the one after that.
    pub starts_ms: [u64; 4],
}

impl Months {
    pub fn at(&self, now_ms: u64) -> Month {
        let [before, this, next, after] = self.starts_ms;
        let (start_ms, end_ms) = if now_ms < this {
            (before, this)
        } else if now_ms < next {
            (this, next)
        } else {
            (next, after)
        };
        Month { start_ms, end_ms }
    }
}

/// Whether the name is in the database.
pub fn is_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The months around this moment. A zone that the database does not know is UTC.
pub fn months(time_zone: &str, now_ms: u64) -> Months {
    let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
    let now = i64::try_from(now_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    let first = zone.to_datetime(now).date().first_of_month();
    let start = |offset: i32| start_ms(&zone, first, offset).unwrap_or(if offset > 0 { u64::MAX } else { 0 });
    Months { starts_ms: [start(-1), start(0), start(1), start(2)] }
}

/// The first moment of the day: where midnight is skipped, the one after the gap.
fn start_ms(zone: &TimeZone, first: Date, months: i32) -> Option<u64> {
    let day = first.checked_add(Span::new().months(months)).ok()?;
    let start = day.to_zoned(zone.clone()).ok()?.start_of_day().ok()?;
    u64::try_from(start.timestamp().as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().expect("a time").as_millisecond()).expect("after 1970")
    }

    #[test]
    fn a_month_begins_at_midnight_of_the_time_zone() {
        for (zone, now, start, end) in [
            ("UTC", "2026-01-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("America/New_York", "2026-02-01T04:59:59Z", "2026-01-01T05:00:00Z", "2026-02-01T05:00:00Z"),
            ("America/New_York", "2026-02-01T05:00:00Z", "2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z"),
            ("Asia/Kolkata", "2026-05-31T18:30:00Z", "2026-05-31T18:30:00Z", "2026-06-30T18:30:00Z"),
            ("Nowhere/At_All", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ] {
            let month = months(zone, ms(now)).at(ms(now));
            assert_eq!((month.start_ms, month.end_ms), (ms(start), ms(end)), "{zone} {now}");
        }
    }

    #[test]
    fn a_month_with_a_change_of_the_clocks_is_an_hour_longer_or_shorter() {
        for (zone, now, hours) in [
            ("America/New_York", "2026-03-15T12:00:00Z", 31 * 24 - 1),
            ("America/New_York", "2026-11-15T12:00:00Z", 30 * 24 + 1),
            ("Europe/Berlin", "2026-10-15T12:00:00Z", 31 * 24 + 1),
        ] {
            let month = months(zone, ms(now)).at(ms(now));
            assert_eq!(month.end_ms - month.start_ms, hours * 3_600_000, "{zone}");
        }
    }

    #[test]
    fn a_month_whose_first_midnight_is_skipped_begins_after_the_gap() {
        // Paraguay's clocks went from 0:00 to 1:00 on the 1st of October 2000.
        let month = months("America/Asuncion", ms("2000-10-15T12:00:00Z")).at(ms("2000-10-15T12:00:00Z"));
        assert_eq!(month.start_ms, ms("2000-10-01T04:00:00Z"));
    }

    #[test]
    fn who_counts_by_another_clock_finds_its_own_month() {
        let months = months("UTC", ms("2026-02-28T23:59:59Z"));
        assert_eq!(months.at(ms("2026-03-01T00:00:01Z")).start_ms, ms("2026-03-01T00:00:00Z"));
        assert_eq!(months.at(ms("2026-01-31T23:59:59Z")).start_ms, ms("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn only_names_of_the_database_are_time_zones() {
        assert!(is_time_zone("Europe/Zurich") && is_time_zone("UTC"));
        assert!(!is_time_zone("Europe/Nowhere") && !is_time_zone(""));
    }
}
