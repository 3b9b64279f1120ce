//! How much may be used in which time. What has been used is counted in `counter`, by the same rule in process and in Redis.

pub mod counter;
pub mod names;
pub mod quota;

pub mod worst_case;

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

impl Limit {
    /// Whether calls of this model count. A limit of one model does not hold for calls that name none.
    pub fn holds_for(&self, model: Option<&str>) -> bool {
        let Some(pattern) = &self.model else { return true };
        let Some(model) = model else { return pattern == "*" };
        let model = model.strip_prefix("models/").unwrap_or(model);
        pattern.strip_suffix('*').map_or_else(|| model == pattern, |start| model.starts_with(start))
    }

    pub fn counting(&self) -> Counting {
        match (self.window, self.measure) {
            (Window::AtOnce, _) => Counting::WhileOpen,
            (_, Measure::Requests) => Counting::AtOnce,
            (_, Measure::InputTokens | Measure::OutputTokens | Measure::TotalTokens | Measure::CostMicroUsd) => {
                Counting::AtTheEnd
            }
        }
    }
}

/// When a call is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// As soon as it is let through.
    AtOnce,
    /// Its worst case is held until what it used is known.
    AtTheEnd,
    /// As long as it is under way.
    WhileOpen,
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

impl Measure {
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input-tokens",
            Self::OutputTokens => "output-tokens",
            Self::TotalTokens => "tokens",
            Self::CostMicroUsd => "cost",
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_a_model_holds_for_its_calls_only() {
        let limit = |model: Option<&str>| Limit {
            measure: Measure::Requests,
            window: Window::Hour,
            per: Per::User,
            model: model.map(str::to_owned),
            amount: 1,
        };
        for (pattern, model, holds) in [
            (None, None, true),
            (None, Some("gpt-4o"), true),
            (Some("gpt-4o"), Some("gpt-4o"), true),
            (Some("gpt-4o"), Some("gpt-4o-mini"), false),
            (Some("gpt-4o*"), Some("gpt-4o-mini"), true),
            (Some("gemini-2.5-pro"), Some("models/gemini-2.5-pro"), true),
            (Some("gpt-4o"), None, false),
            (Some("*"), None, true),
        ] {
            assert_eq!(limit(pattern).holds_for(model), holds, "{pattern:?} {model:?}");
        }
    }
}
