//! For how many days an account's single requests are kept: no longer than its tier says, but for a while after a larger one
//! ended, so that an hour of an unpaid invoice destroys nothing.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::tiers::TierName;

/// So long after a tier fell, the days of the larger one hold.
pub const KEPT_AFTER_FALL: Duration = Duration::days(7);

/// A larger tier that was had until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fall {
    pub from: TierName,
    pub at: OffsetDateTime,
}

impl Fall {
    fn is_recent(self, now: OffsetDateTime) -> bool {
        now < self.at + KEPT_AFTER_FALL
    }
}

/// After a tier took the place of another. Of falls that follow one another, the largest tier holds until the last one's
/// days are over.
pub fn fall(before: TierName, earlier: Option<Fall>, tier: TierName, now: OffsetDateTime) -> Option<Fall> {
    let recent = earlier.filter(|fall| fall.is_recent(now));
    let from = recent.map_or(before, |fall| fall.from.max(before));
    if tier >= from {
        None
    } else if tier < before {
        Some(Fall { from, at: now })
    } else {
        recent
    }
}

/// What a tier keeps, and from when on that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogDays {
    pub days: u32,
    /// Until then more is kept.
    #[serde(with = "time::serde::rfc3339::option")]
    pub from: Option<OffsetDateTime>,
}

impl LogDays {
    /// `began`: since when the installation takes money; with that, all accounts fell from having everything.
    pub fn of(tier: TierName, fell: Option<Fall>, began: OffsetDateTime, now: OffsetDateTime) -> Self {
        let began = Fall { from: TierName::Scale, at: began };
        let larger = [fell, Some(began)].into_iter().flatten().filter(|fall| fall.is_recent(now) && fall.from > tier);
        Self { days: tier.tier().log_days, from: larger.map(|fall| fall.at + KEPT_AFTER_FALL).max() }
    }

    /// The days in force, of those that an App asks for.
    pub fn of_asked(self, asked: i32) -> i32 {
        match self.from {
            Some(_) => asked,
            None => asked.min(i32::try_from(self.days).unwrap_or(i32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::tiers::TierName::{Free, Pro, Scale};

    const NOW: OffsetDateTime = datetime!(2026-03-10 12:00 UTC);
    const LONG_AGO: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

    #[test]
    fn a_fall_is_remembered_until_its_days_are_over_or_the_tier_is_back() {
        let days_ago = |from, days| Some(Fall { from, at: NOW - Duration::days(days) });
        for (before, earlier, tier, want) in [
            (Free, None, Pro, None),
            (Pro, None, Pro, None),
            (Pro, None, Free, days_ago(Pro, 0)),
            (Free, days_ago(Pro, 2), Free, days_ago(Pro, 2)),
            (Free, days_ago(Pro, 2), Pro, None),
            (Free, days_ago(Scale, 2), Pro, days_ago(Scale, 2)),
            (Pro, days_ago(Scale, 2), Free, days_ago(Scale, 0)),
            (Pro, days_ago(Scale, 7), Free, days_ago(Pro, 0)),
            (Free, days_ago(Pro, 7), Free, None),
        ] {
            assert_eq!(fall(before, earlier, tier, NOW), want, "{before:?} {earlier:?} {tier:?}");
        }
    }

    #[test]
    fn what_is_kept_is_what_was_asked_for_and_no_more_than_the_tier_has_some_days_after_it_fell() {
        let fell = |days| Some(Fall { from: Pro, at: NOW - Duration::days(days) });
        for (tier, fell, began, asked, want) in [
            (Free, None, LONG_AGO, 90, 30),
            (Free, None, LONG_AGO, 10, 10),
            (Pro, None, LONG_AGO, 400, 90),
            (Free, fell(6), LONG_AGO, 90, 90),
            (Free, fell(7), LONG_AGO, 90, 30),
            (Free, None, NOW - Duration::days(6), 400, 400),
            (Free, None, NOW - Duration::days(7), 400, 30),
        ] {
            assert_eq!(LogDays::of(tier, fell, began, NOW).of_asked(asked), want, "{tier:?} {fell:?} {began} {asked}");
        }
        assert_eq!(LogDays::of(Free, fell(6), LONG_AGO, NOW).from, Some(NOW + Duration::DAY));
        assert_eq!(LogDays::of(Scale, None, NOW, NOW).from, None);
    }
}
