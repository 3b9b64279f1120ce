//! What a developer's account has of us: how many requests, apps, members and days of single requests. Data, in
//! `data/tiers.json`. An installation that takes no money has no tiers, and everything on.

use std::cmp::Reverse;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime, Time};

use crate::plans::{Entitlement, EntitlementState, PurchaseCondition, PurchaseSource};

/// From this share of the month's requests on, the dashboard and a mail warn.
const WARNED_FROM_PERCENT: u64 = 80;
/// So long an account that has used up its requests is served on, …
pub const GRACE: Duration = Duration::hours(72);
/// … but never more than so many times the requests of its tier.
pub const MOST_TIMES: u64 = 2;
/// So many days a payment that failed changes nothing.
pub const PAYMENT_GRACE_DAYS: u16 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierName {
    Free,
    Pro,
    Scale,
}

impl TierName {
    pub const ALL: [Self; 3] = [Self::Free, Self::Pro, Self::Scale];

    /// In rows, forms and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Pro => "pro",
            Self::Scale => "scale",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    /// The cheapest that gives more.
    pub fn next(self) -> Option<&'static Tier> {
        TIERS.iter().find(|tier| tier.name > self)
    }

    pub fn tier(self) -> &'static Tier {
        TIERS.iter().find(|tier| tier.name == self).expect("a test asks for each")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    pub name: TierName,
    pub title: String,
    /// That reached a provider, in a calendar month of UTC.
    pub requests_per_month: u64,
    pub apps: u32,
    pub members: u32,
    /// For how long single requests can be kept.
    pub log_days: u32,
}

impl Tier {
    /// From so many requests on, an account is near their end.
    pub fn warned_from(&self) -> u64 {
        self.requests_per_month.saturating_mul(WARNED_FROM_PERCENT).div_ceil(100)
    }
}

static TIERS: LazyLock<Vec<Tier>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../data/tiers.json")).expect("a test reads it"));

/// The cheapest first.
pub fn all() -> &'static [Tier] {
    &TIERS
}

/// How far an account is with its month's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Within,
    Near,
    /// Used up; served on until then.
    Over {
        #[serde(with = "time::serde::rfc3339")]
        stops_at: OffsetDateTime,
    },
    /// Refused at the edge, until the next month or another tier.
    Stopped,
}

/// `over_since`: when it was first seen that this month's requests are used up.
pub fn standing(tier: &Tier, requests: u64, over_since: Option<OffsetDateTime>, now: OffsetDateTime) -> Standing {
    let most = tier.requests_per_month;
    if requests < tier.warned_from() {
        return Standing::Within;
    }
    if requests < most {
        return Standing::Near;
    }
    let stops_at = over_since.unwrap_or(now) + GRACE;
    if now < stops_at && requests < most.saturating_mul(MOST_TIMES) {
        Standing::Over { stops_at }
    } else {
        Standing::Stopped
    }
}

/// Its first day, in UTC.
pub fn month_of(now: OffsetDateTime) -> Date {
    let today = now.to_offset(time::UtcOffset::UTC).date();
    today.replace_day(1).unwrap_or(today)
}

/// When the count of requests begins anew.
pub fn next_month(now: OffsetDateTime) -> OffsetDateTime {
    let first = month_of(now);
    let days = first.month().length(first.year());
    (first + Duration::days(days.into())).with_time(Time::MIDNIGHT).assume_utc()
}

/// A price at Stripe, and the tier that it buys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierPrice {
    pub tier: TierName,
    pub price: String,
}

/// Every subscription to a tier that is paid for, each once. First the one that counts: of the highest tier, rather one whose
/// payment did not fail, then the oldest. `bought` has the newest first, as Stripe lists them.
pub fn paid_tiers(prices: &[TierPrice], bought: &[Entitlement], now: OffsetDateTime) -> Vec<(TierName, Entitlement)> {
    let tier_of = |entitlement: &Entitlement| {
        let counts = |price: &&TierPrice| entitlement.counts_for(&condition(price), now);
        prices.iter().filter(counts).map(|price| price.tier).max()
    };
    let mut paid: Vec<(TierName, Entitlement)> =
        bought.iter().rev().filter_map(|entitlement| Some((tier_of(entitlement)?, entitlement.clone()))).collect();
    paid.sort_by_key(|(tier, entitlement)| {
        (Reverse(*tier), matches!(entitlement.state, EntitlementState::PastDue { .. }))
    });
    paid
}

fn condition(price: &TierPrice) -> PurchaseCondition {
    PurchaseCondition {
        source: PurchaseSource::Stripe,
        name: price.price.clone(),
        trial: true,
        grace_days: PAYMENT_GRACE_DAYS,
    }
}

/// Whether anything of ours is still to be paid at Stripe, however late: a second subscription beside it would be paid too.
pub fn still_runs(prices: &[TierPrice], bought: &[Entitlement]) -> bool {
    let is_ours = |entitlement: &&Entitlement| prices.iter().any(|price| entitlement.names.contains(&price.price));
    bought.iter().filter(is_ours).any(|entitlement| entitlement.state != EntitlementState::Over)
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-10 12:00 UTC);

    #[test]
    fn every_tier_is_described_and_each_gives_more_than_the_one_before() {
        assert_eq!(all().iter().map(|tier| tier.name).collect::<Vec<_>>(), TierName::ALL);
        for pair in all().windows(2) {
            let sizes =
                |tier: &Tier| [tier.requests_per_month, tier.apps.into(), tier.members.into(), tier.log_days.into()];
            assert!(sizes(&pair[0]).iter().zip(sizes(&pair[1])).all(|(less, more)| *less < more), "{pair:?}");
        }
        assert!(TierName::ALL.into_iter().all(|name| TierName::named(name.name()) == Some(name.tier().name)));
    }

    #[test]
    fn an_account_is_warned_then_served_on_then_stopped() {
        let (tier, most) = (TierName::Free.tier(), TierName::Free.tier().requests_per_month);
        let stops_at = NOW + GRACE;
        for (requests, over_since, want) in [
            (0, None, Standing::Within),
            (most * 8 / 10 - 1, None, Standing::Within),
            (most * 8 / 10, None, Standing::Near),
            (most - 1, Some(NOW), Standing::Near),
            (most, None, Standing::Over { stops_at }),
            (most, Some(NOW), Standing::Over { stops_at }),
            (most * 2 - 1, Some(NOW), Standing::Over { stops_at }),
            (most * 2, Some(NOW), Standing::Stopped),
            (most, Some(NOW - GRACE), Standing::Stopped),
        ] {
            assert_eq!(standing(tier, requests, over_since, NOW), want, "{requests} {over_since:?}");
        }
    }

    #[test]
    fn the_highest_tier_that_is_paid_for_counts() {
        let prices = [(TierName::Pro, "price_pro"), (TierName::Scale, "price_scale")];
        let prices = prices.map(|(tier, price)| TierPrice { tier, price: price.to_owned() });
        let bought = |price: &str, state| Entitlement {
            source: PurchaseSource::Stripe,
            id: "sub_1".into(),
            names: vec![price.into()],
            state,
            paid_until: Some(NOW + Duration::days(1)),
            ends: false,
        };
        let late = |days| EntitlementState::PastDue { since: NOW - Duration::days(days) };
        for (entitlements, want) in [
            (vec![], TierName::Free),
            (vec![bought("price_pro", EntitlementState::Active)], TierName::Pro),
            (vec![bought("price_pro", EntitlementState::Trial)], TierName::Pro),
            (vec![bought("price_pro", late(6))], TierName::Pro),
            (vec![bought("price_pro", late(7))], TierName::Free),
            (vec![bought("price_pro", EntitlementState::Over)], TierName::Free),
            (vec![bought("price_old", EntitlementState::Active)], TierName::Free),
            (
                vec![bought("price_pro", EntitlementState::Active), bought("price_scale", EntitlementState::Active)],
                TierName::Scale,
            ),
        ] {
            let paid = paid_tiers(&prices, &entitlements, NOW);
            assert_eq!(paid.first().map_or(TierName::Free, |(tier, _)| *tier), want, "{entitlements:?}");
        }
        let named = |id: &str, entitlement: Entitlement| Entitlement { id: id.to_owned(), ..entitlement };
        let newest_first = [
            named("newest", bought("price_pro", EntitlementState::Active)),
            named("older", bought("price_pro", EntitlementState::Active)),
            named("unpaid", bought("price_pro", late(1))),
            named("largest", bought("price_scale", late(2))),
            named("over", bought("price_scale", EntitlementState::Over)),
        ];
        let order: Vec<String> = paid_tiers(&prices, &newest_first, NOW).into_iter().map(|(_, paid)| paid.id).collect();
        assert_eq!(order, ["largest", "older", "newest", "unpaid"]);
    }

    #[test]
    fn a_subscription_runs_until_stripe_says_that_it_is_over() {
        let prices = [TierPrice { tier: TierName::Pro, price: "price_pro".to_owned() }];
        let bought = |price: &str, state| Entitlement {
            source: PurchaseSource::Stripe,
            id: "sub_1".into(),
            names: vec![price.into()],
            state,
            paid_until: Some(NOW - Duration::days(90)),
            ends: false,
        };
        let late = EntitlementState::PastDue { since: NOW - Duration::days(90) };
        for (price, state, want) in [
            ("price_pro", EntitlementState::Active, true),
            ("price_pro", late, true),
            ("price_pro", EntitlementState::Over, false),
            ("price_other", EntitlementState::Active, false),
        ] {
            assert_eq!(still_runs(&prices, &[bought(price, state)]), want, "{price} {state:?}");
        }
    }

    #[test]
    fn a_month_begins_at_midnight_of_utc() {
        assert_eq!(month_of(datetime!(2026-03-01 0:00 UTC)), date!(2026 - 03 - 01));
        assert_eq!(month_of(datetime!(2026-03-01 0:30 +1)), date!(2026 - 02 - 01));
        assert_eq!(next_month(datetime!(2026-12-31 23:59 UTC)), datetime!(2027-01-01 0:00 UTC));
    }
}
