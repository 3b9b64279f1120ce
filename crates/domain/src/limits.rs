//! How much may be used in which time. What has been used is counted in `counter`, by the same rule in process and in Redis.

pub mod counter;
pub mod names;
pub mod quota;

pub mod worst_case;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::prices::without_date;

/// One limit or budget. Whom "everyone" means depends on where it stands: at an App, a Plan or a Proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    pub measure: Measure,
    pub window: Window,
    pub per: Per,
    /// Only calls of this model count; a `*` at the end stands for any rest.
    #[serde(default, serialize_with = "write_model", deserialize_with = "read_model")]
    pub model: Option<Arc<str>>,
    pub amount: u64,
}

fn write_model<S: Serializer>(model: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    model.as_deref().serialize(serializer)
}

fn read_model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Into::into))
}

impl Limit {
    /// Counted, and never reached: so much that no user comes near, and that every counter can hold exactly.
    pub const UNLIMITED: u64 = 1 << 53;

    pub fn is_unlimited(&self) -> bool {
        self.amount >= Self::UNLIMITED
    }

    /// Whether calls of this model count: by any of its names, for a provider reads them all as one.
    pub fn holds_for(&self, asked: AskedModel<'_>) -> bool {
        let Some(pattern) = &self.model else { return true };
        match asked {
            AskedModel::Named(model) => names_model(pattern, model),
            AskedModel::Untold => true,
            AskedModel::None => &**pattern == "*",
        }
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

/// The model whose work a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedModel<'a> {
    Named(&'a str),
    /// One works, but the request does not say which: it may be any.
    Untold,
    None,
}

/// `models/`, letters' case, a version's date, and a variant behind a colon (`:nitro`) make no other model.
fn names_model(pattern: &str, model: &str) -> bool {
    let (pattern, model) = (lowercase(pattern), lowercase(model));
    let model = model.strip_prefix("models/").unwrap_or(&model);
    let plain = model.split_once(':').map_or(model, |(name, _)| name);
    let names = [Some(model), Some(plain), without_date(model), without_date(plain)];
    let fits = |name: &str| pattern.strip_suffix('*').map_or_else(|| name == pattern, |start| name.starts_with(start));
    names.into_iter().flatten().any(fits)
}

fn lowercase(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { text.to_ascii_lowercase().into() } else { text.into() }
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

impl Per {
    /// What all share is nobody's own to see.
    pub fn is_callers_own(self) -> bool {
        match self {
            Self::User | Self::AnonymousAddress => true,
            Self::Everyone => false,
        }
    }
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
    pub const ALL: [Self; 5] =
        [Self::Requests, Self::InputTokens, Self::OutputTokens, Self::TotalTokens, Self::CostMicroUsd];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_a_model_holds_for_its_calls_by_any_of_its_names() {
        let limit = |model: Option<&str>| Limit {
            measure: Measure::Requests,
            window: Window::Hour,
            per: Per::User,
            model: model.map(Into::into),
            amount: 1,
        };
        let named = AskedModel::Named;
        for (pattern, model, holds) in [
            (None, AskedModel::None, true),
            (None, named("gpt-4o"), true),
            (Some("gpt-4o"), named("gpt-4o"), true),
            (Some("gpt-4o"), named("gpt-4o-mini"), false),
            (Some("gpt-4o*"), named("gpt-4o-mini"), true),
            (Some("gemini-2.5-pro"), named("models/gemini-2.5-pro"), true),
            (Some("gpt-4o"), AskedModel::None, false),
            (Some("*"), AskedModel::None, true),
        ] {
            assert_eq!(limit(pattern).holds_for(model), holds, "{pattern:?} {model:?}");
        }
        for (pattern, model, holds) in [
            ("gpt-4o", named("gpt-4o-2024-08-06"), true),
            ("gpt-4o-2024-08-06", named("gpt-4o"), false),
            ("gpt-4o", named("GPT-4O"), true),
            ("My-Deployment", named("my-deployment"), true),
            ("x/y", named("x/y:nitro"), true),
            ("x/y:free", named("x/y:free"), true),
            ("x/y:free", named("x/y"), false),
            ("gpt-4o", AskedModel::Untold, true),
        ] {
            assert_eq!(limit(Some(pattern)).holds_for(model), holds, "{pattern:?} {model:?}");
        }
    }
}
