//! A limit as a sentence's part: `$12.50 a calendar month, for everyone together`.

use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::validate::micro_usd_text;

use crate::ui::format::count;

pub fn amount(limit: &Limit) -> String {
    let number = count(i64::try_from(limit.amount).unwrap_or(i64::MAX));
    let one = limit.amount == 1;
    match limit.measure {
        Measure::Requests if one => format!("{number} request"),
        Measure::Requests => format!("{number} requests"),
        Measure::InputTokens => format!("{number} input tokens"),
        Measure::OutputTokens => format!("{number} output tokens"),
        Measure::TotalTokens => format!("{number} tokens"),
        Measure::CostMicroUsd => dollars(limit.amount),
    }
}

/// At least two decimals, and no more than needed: `$20.00`, `$0.000125`.
pub fn dollars(micro_usd: u64) -> String {
    let text = micro_usd_text(micro_usd);
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let whole = count(whole.parse().unwrap_or(i64::MAX));
    format!("${whole}.{decimals:0<2}")
}

pub fn window(window: Window) -> &'static str {
    match window {
        Window::AtOnce => "at once",
        Window::Second => "a second",
        Window::Minute => "a minute",
        Window::Hour => "an hour",
        Window::Day => "a day",
        Window::Month => "a calendar month",
    }
}

pub fn per(per: Per) -> &'static str {
    match per {
        Per::User => "for each user",
        Per::AnonymousAddress => "for all anonymous users of one address",
        Per::Everyone => "for everyone together",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(measure: Measure, amount: u64) -> Limit {
        Limit { measure, window: Window::Day, per: Per::User, model: None, amount }
    }

    #[test]
    fn an_amount_is_read_with_its_unit() {
        for (limit, want) in [
            (limit(Measure::Requests, 1), "1 request"),
            (limit(Measure::TotalTokens, 1_000_000), "1,000,000 tokens"),
            (limit(Measure::CostMicroUsd, 12_500_000), "$12.50"),
            (limit(Measure::CostMicroUsd, 125), "$0.000125"),
            (limit(Measure::CostMicroUsd, 1_000_000_000), "$1,000.00"),
        ] {
            assert_eq!(amount(&limit), want);
        }
    }
}
