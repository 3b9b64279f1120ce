//! What somebody bought, whoever sold it.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::PurchaseCondition;

/// A renewal that nobody heard of, for the seller can't be reached, changes nothing for so long.
pub const HELD_WITHOUT_NEWS: Duration = Duration::hours(72);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurchaseSource {
    Stripe,
    RevenueCat,
}

impl PurchaseSource {
    pub const ALL: [Self; 2] = [Self::Stripe, Self::RevenueCat];

    /// In addresses, forms and rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::RevenueCat => "revenue_cat",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe",
            Self::RevenueCat => "RevenueCat",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

impl fmt::Display for PurchaseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// A subscription or a purchase, as its seller last described it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entitlement {
    pub source: PurchaseSource,
    /// The seller's, of the subscription or purchase.
    pub id: String,
    /// All by which a rule may name it.
    pub names: Vec<String>,
    pub state: EntitlementState,
    /// Until when it is paid for; none for good.
    #[serde(with = "time::serde::rfc3339::option")]
    pub paid_until: Option<OffsetDateTime>,
    /// Whether it ends there, instead of being renewed.
    pub ends: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum EntitlementState {
    Active,
    Trial,
    /// The last payment failed, and the seller still tries.
    PastDue {
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
    },
    /// Canceled, expired, never paid, paused or refunded.
    Over,
}

/// Why a purchase does not count for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lapse {
    OtherItem,
    Over,
    Trial,
    GraceIsOver { at: OffsetDateTime },
    Ended { at: OffsetDateTime },
    NoNews { since: OffsetDateTime },
}

impl Entitlement {
    pub fn counts_for(&self, condition: &PurchaseCondition, now: OffsetDateTime) -> bool {
        self.meets(condition, now).is_ok()
    }

    pub(super) fn meets(&self, condition: &PurchaseCondition, now: OffsetDateTime) -> Result<(), Lapse> {
        if self.source != condition.source || !self.names.contains(&condition.name) {
            return Err(Lapse::OtherItem);
        }
        match self.state {
            EntitlementState::Over => Err(Lapse::Over),
            EntitlementState::Trial if !condition.trial => Err(Lapse::Trial),
            EntitlementState::Active | EntitlementState::Trial => self.is_current(now),
            EntitlementState::PastDue { since } => {
                let at = since + Duration::days(i64::from(condition.grace_days));
                if now < at { Ok(()) } else { Err(Lapse::GraceIsOver { at }) }
            }
        }
    }

    fn is_current(&self, now: OffsetDateTime) -> Result<(), Lapse> {
        match self.paid_until {
            None => Ok(()),
            Some(at) if now < at => Ok(()),
            Some(at) if self.ends => Err(Lapse::Ended { at }),
            Some(since) if now < since + HELD_WITHOUT_NEWS => Ok(()),
            Some(since) => Err(Lapse::NoNews { since }),
        }
    }
}

impl Lapse {
    pub(super) fn in_words(self) -> String {
        match self {
            Self::OtherItem => "nothing of that name was bought".to_owned(),
            Self::Over => "it was canceled, or never paid".to_owned(),
            Self::Trial => "it is a trial, which this rule leaves out".to_owned(),
            Self::GraceIsOver { at } => format!("a payment failed, and the grace ended on {}", at.date()),
            Self::Ended { at } => format!("it ended on {}", at.date()),
            Self::NoNews { since } => format!("it was paid until {}, and no renewal was heard of", since.date()),
        }
    }
}
