//! A rule as a developer reads it.

use super::{PlanCondition, PurchaseCondition};

impl PlanCondition {
    /// `bought price_123 at Stripe, trials count, 7 days of grace`
    pub fn in_words(&self) -> String {
        match self {
            Self::Purchase(bought) => bought.in_words(),
            Self::Claim { name, value } => format!("the token’s claim {} is {value}", name.as_str()),
            Self::Anonymous => "never signed in".to_owned(),
        }
    }
}

impl PurchaseCondition {
    fn in_words(&self) -> String {
        let trials = if self.trial { "trials count" } else { "trials don’t count" };
        let grace = match self.grace_days {
            0 => "no grace".to_owned(),
            1 => "1 day of grace".to_owned(),
            days => format!("{days} days of grace"),
        };
        format!("bought {} at {}, {trials}, {grace}", self.name, self.source)
    }
}
