//! What is told of a limit: to the client, in the fields of its reply and in a refusal, and to who asks for its usage.

use std::sync::Arc;

use super::{Limit, Measure, Per, Window};

/// Where a limit is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    App,
    Plan,
    Proxy,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::App, Self::Plan, Self::Proxy];

    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Plan => "plan",
            Self::Proxy => "proxy",
        }
    }
}

/// A limit, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    pub limit: Limit,
    pub place: Place,
    /// The plan's name, of a plan's limit.
    pub plan: Option<Arc<str>>,
    pub used: u64,
    /// Until some of it is free again. At least 1.
    pub reset_secs: u64,
}

/// What a call would have needed of a limit, and does not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    pub quota: Quota,
    pub asked: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortOf {
    Requests,
    /// For calls under way.
    Places,
    Tokens,
    Money,
}

impl Quota {
    pub fn remaining(&self) -> u64 {
        self.limit.amount.saturating_sub(self.used)
    }

    /// `plan-tokens-day`: the name that the `RateLimit` fields give it.
    pub fn name(&self) -> String {
        let mut name = String::new();
        self.write_name(&mut name);
        name
    }

    pub fn write_name(&self, text: &mut String) {
        let window = match self.limit.window {
            Window::AtOnce => "at-once",
            window @ (Window::Second | Window::Minute | Window::Hour | Window::Day | Window::Month) => window.name(),
        };
        for part in [self.place.name(), "-", self.limit.measure.name(), "-", window] {
            text.push_str(part);
        }
    }

    /// Whether the caller is told of it.
    pub fn is_callers_own(&self) -> bool {
        self.limit.per.is_callers_own() && !self.limit.is_unlimited()
    }

    /// `10 requests per hour for each user of the plan "Free"`
    pub fn in_words(&self) -> String {
        let Limit { measure, window, amount, .. } = &self.limit;
        let what = match measure {
            Measure::Requests if *window == Window::AtOnce => format!("{amount} requests at once"),
            Measure::Requests => format!("{amount} requests"),
            Measure::InputTokens => format!("{amount} input tokens"),
            Measure::OutputTokens => format!("{amount} output tokens"),
            Measure::TotalTokens => format!("{amount} tokens"),
            Measure::CostMicroUsd => dollars(*amount),
        };
        let per = if *window == Window::AtOnce { String::new() } else { format!(" per {}", window.name()) };
        let model = self.limit.model.as_ref().map(|model| format!(" of {model}")).unwrap_or_default();
        format!("{what}{per}{model} for {}", self.whose())
    }

    fn whose(&self) -> String {
        let plan = self.plan.as_deref().unwrap_or_default();
        match (self.limit.per, self.place) {
            (Per::User, Place::Plan) => format!("each user of the plan \"{plan}\""),
            (Per::Everyone, Place::Plan) => format!("all users of the plan \"{plan}\" together"),
            (Per::AnonymousAddress, _) => "anonymous users of one address".to_owned(),
            (Per::User, Place::App) => "each user of the app".to_owned(),
            (Per::User, Place::Proxy) => "each user of this proxy".to_owned(),
            (Per::Everyone, Place::App) => "the whole app".to_owned(),
            (Per::Everyone, Place::Proxy) => "this proxy".to_owned(),
        }
    }
}

impl Shortage {
    pub fn of(&self) -> ShortOf {
        match (self.quota.limit.measure, self.quota.limit.window) {
            (Measure::Requests, Window::AtOnce) => ShortOf::Places,
            (Measure::Requests, _) => ShortOf::Requests,
            (Measure::InputTokens | Measure::OutputTokens | Measure::TotalTokens, _) => ShortOf::Tokens,
            (Measure::CostMicroUsd, _) => ShortOf::Money,
        }
    }

    /// No waiting helps: the call may need more than the whole limit.
    pub fn is_hopeless(&self) -> bool {
        self.asked > self.quota.limit.amount
    }

    pub fn message(&self) -> String {
        let (limit, secs) = (self.quota.in_words(), self.quota.reset_secs);
        let amount = |count: u64| match self.quota.limit.measure {
            Measure::CostMicroUsd => dollars(count),
            Measure::Requests | Measure::InputTokens | Measure::OutputTokens | Measure::TotalTokens => {
                count.to_string()
            }
        };
        if self.is_hopeless() {
            let asked = amount(self.asked);
            return format!(
                "This call may use up to {asked}, more than the limit of {limit}. Set a lower maximum of output tokens."
            );
        }
        let left = self.quota.remaining();
        if left > 0 {
            let (asked, left) = (amount(self.asked), amount(left));
            return format!(
                "This call may use up to {asked}, and of the limit of {limit} only {left} is left. Try again in {secs} s."
            );
        }
        format!("The limit of {limit} is reached. Try again in {secs} s.")
    }
}

/// Whole micro-USD in dollars, without what is zero behind the cents.
fn dollars(micro_usd: u64) -> String {
    let (whole, part) = (micro_usd / 1_000_000, format!("{:06}", micro_usd % 1_000_000));
    let shown = part.trim_end_matches('0').len().max(2);
    format!("${whole}.{}", &part[..shown])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(measure: Measure, window: Window, amount: u64, used: u64) -> Quota {
        let limit = Limit { measure, window, per: Per::User, model: None, amount };
        Quota { limit, place: Place::Plan, plan: Some("Free".into()), used, reset_secs: 30 }
    }

    #[test]
    fn a_refusal_says_which_limit_whose_and_when() {
        let said = |quota, asked| Shortage { quota, asked }.message();
        assert_eq!(
            said(quota(Measure::Requests, Window::Hour, 10, 10), 1),
            "The limit of 10 requests per hour for each user of the plan \"Free\" is reached. Try again in 30 s."
        );
        let spent = said(quota(Measure::CostMicroUsd, Window::Month, 2_500_000, 2_400_000), 150_000);
        assert!(
            spent.contains("up to $0.15") && spent.contains("$2.50 per month") && spent.contains("only $0.10"),
            "{spent}"
        );
        let hopeless = said(quota(Measure::TotalTokens, Window::Day, 100, 0), 4_000);
        assert!(hopeless.contains("more than the limit"), "{hopeless}");
    }

    #[test]
    fn dollars_keep_what_counts() {
        for (micro_usd, text) in [(0, "$0.00"), (1, "$0.000001"), (1_500_000, "$1.50"), (12_345_600, "$12.3456")] {
            assert_eq!(dollars(micro_usd), text);
        }
    }
}
