//! What the people of an account must know in time: requests that run out, and a payment that failed. The same facts stand in
//! a mail and on every page.

use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime};

use crate::plans::{Entitlement, EntitlementState};
use crate::tiers::{MOST_TIMES, PAYMENT_GRACE_DAYS, Standing, TierName, month_of, next_month};
use crate::words::{dated_moment, thousands};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountNotice {
    pub tier: TierName,
    /// Of this month, when it was looked at.
    pub requests: u64,
    /// When they are counted anew.
    #[serde(with = "time::serde::rfc3339")]
    pub resets_at: OffsetDateTime,
    pub kind: NoticeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NoticeKind {
    Near,
    Over {
        #[serde(with = "time::serde::rfc3339")]
        stops_at: OffsetDateTime,
    },
    Stopped,
    PaymentFailed {
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
    },
}

impl NoticeKind {
    /// In rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Over { .. } => "over",
            Self::Stopped => "stopped",
            Self::PaymentFailed { .. } => "payment_failed",
        }
    }
}

/// An account, as far as something has to be said about it.
#[derive(Clone, Copy)]
pub struct Use {
    pub tier: TierName,
    pub requests: u64,
}

impl AccountNotice {
    pub fn of_standing(used: Use, standing: Standing, now: OffsetDateTime) -> Option<Self> {
        let kind = match standing {
            Standing::Within => return None,
            Standing::Near => NoticeKind::Near,
            Standing::Over { stops_at } => NoticeKind::Over { stops_at },
            Standing::Stopped => NoticeKind::Stopped,
        };
        Some(Self::new(used, kind, now))
    }

    pub fn of_payment(used: Use, paid: Option<&Entitlement>, now: OffsetDateTime) -> Option<Self> {
        let EntitlementState::PastDue { since } = paid?.state else { return None };
        Some(Self::new(used, NoticeKind::PaymentFailed { since }, now))
    }

    fn new(Use { tier, requests }: Use, kind: NoticeKind, now: OffsetDateTime) -> Self {
        Self { tier, requests, resets_at: next_month(now), kind }
    }

    /// It is said once in this month.
    pub fn month(&self) -> Date {
        match self.kind {
            NoticeKind::Near | NoticeKind::Over { .. } | NoticeKind::Stopped => {
                month_of(self.resets_at - Duration::SECOND)
            }
            // Over the turn of a month, too, it is the same failure.
            NoticeKind::PaymentFailed { since } => month_of(since),
        }
    }

    /// What happened, what happens next, and when.
    pub fn in_words(&self) -> String {
        let tier = self.tier.tier();
        let (used, all) = (thousands(self.requests), thousands(tier.requests_per_month));
        let (title, anew) = (&tier.title, dated_moment(self.resets_at));
        match self.kind {
            NoticeKind::Near => format!(
                "{used} of this month\u{2019}s {all} requests of your tier, {title}, are used. When all are, calls go on for \
                 72 hours at most, and are then answered with 402. The count begins anew on {anew}; a larger tier has room at once."
            ),
            NoticeKind::Over { stops_at } => format!(
                "This month\u{2019}s requests are used up: {used} of the {all} of your tier, {title}. Calls go on until {}, or until \
                 {} are used; from then on they are answered with 402, until the count begins anew on {anew}. With a larger tier \
                 they go on.",
                dated_moment(stops_at),
                thousands(tier.requests_per_month.saturating_mul(MOST_TIMES))
            ),
            NoticeKind::Stopped => format!(
                "Calls are answered with 402: {used} requests are used this month, of the {all} of your tier, {title}. They are \
                 let through again on {anew}, when the count begins anew, or at once with a larger tier."
            ),
            NoticeKind::PaymentFailed { since } => format!(
                "A payment for your tier, {title}, failed. Stripe tries again, and until {} nothing changes. If it is not paid by \
                 then, the account goes on with the tier {}. Give Stripe another card to keep your tier.",
                dated_moment(since + Duration::days(PAYMENT_GRACE_DAYS.into())),
                TierName::Free.tier().title
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;
    use crate::tiers::GRACE;

    const NOW: OffsetDateTime = datetime!(2026-12-30 12:00 UTC);

    #[test]
    fn says_what_happened_with_figures_and_what_comes_when() {
        let of = |requests, standing| {
            AccountNotice::of_standing(Use { tier: TierName::Free, requests }, standing, NOW).map(|it| it.in_words())
        };
        assert_eq!(of(19_999, Standing::Within), None);
        for (requests, standing, want) in [
            (20_000, Standing::Near, &["20,000 of this month\u{2019}s 25,000", "Jan 1, 2027, 00:00 UTC"][..]),
            (
                25_001,
                Standing::Over { stops_at: NOW + GRACE },
                &["25,001 of the 25,000", "Jan 2, 2027, 12:00 UTC", "50,000 are used"],
            ),
            (50_000, Standing::Stopped, &["402", "50,000 requests", "again on Jan 1, 2027"]),
        ] {
            let text = of(requests, standing).expect("something to say");
            assert!(want.iter().all(|part| text.contains(part)), "{text}");
        }
    }

    #[test]
    fn a_failed_payment_is_said_once_however_long_it_lasts() {
        let since = datetime!(2026-12-28 9:00 UTC);
        for now in [NOW, NOW + Duration::days(5)] {
            let kind = NoticeKind::PaymentFailed { since };
            let notice = AccountNotice::new(Use { tier: TierName::Pro, requests: 1 }, kind, now);
            assert_eq!(notice.month(), date!(2026 - 12 - 01));
            assert!(notice.in_words().contains("Jan 4, 2027, 09:00 UTC"), "{}", notice.in_words());
        }
        let near = AccountNotice::new(Use { tier: TierName::Pro, requests: 1 }, NoticeKind::Near, NOW);
        assert_eq!(near.month(), date!(2026 - 12 - 01));
    }
}
