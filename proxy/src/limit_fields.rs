//! draft-ietf-httpapi-ratelimit-headers: every limit as a policy, and what is left of it until when.

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_domain::limits::quota::{Place, Quota};
use keyward_domain::limits::{Measure, Window};

/// More than this tell nobody anything, and fields have an end.
const MOST: usize = 16;
/// What one limit takes in a field, or a little less.
const USUAL_BYTES: usize = 64;

type Kind = (Place, Measure, Window);

pub fn add<'q>(headers: &mut HeaderMap, quotas: impl Iterator<Item = &'q Quota> + Clone) {
    let quotas = quotas.take(MOST);
    let bytes = quotas.clone().count() * USUAL_BYTES;
    if bytes == 0 {
        return;
    }
    let (mut policies, mut left) = (String::with_capacity(bytes), String::with_capacity(bytes));
    for (at, quota) in quotas.clone().enumerate() {
        // Two limits of the same kind differ in their model, whose name may hold anything.
        let nth = quotas.clone().take(at).filter(|other| kind(other) == kind(quota)).count() + 1;
        let name = |text: &mut String| {
            if !text.is_empty() {
                text.push_str(", ");
            }
            push_name(text, quota, nth);
        };
        name(&mut policies);
        push_policy(&mut policies, quota);
        name(&mut left);
        push_remaining(&mut left, quota);
    }
    for (field, items) in [("ratelimit-policy", policies), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::try_from(items) {
            headers.insert(HeaderName::from_static(field), value);
        }
    }
}

fn kind(quota: &Quota) -> Kind {
    (quota.place, quota.limit.measure, quota.limit.window)
}

fn push_name(text: &mut String, quota: &Quota, nth: usize) {
    text.push('"');
    quota.write_name(text);
    if nth > 1 {
        text.push('-');
        push_number(text, nth as u64);
    }
    text.push('"');
}

fn push_policy(text: &mut String, quota: &Quota) {
    text.push_str(";q=");
    push_number(text, quota.limit.amount);
    let window = quota.limit.window;
    if window != Window::AtOnce {
        text.push_str(";w=");
        push_number(text, window.secs());
    }
    text.push_str(match quota.limit.measure {
        Measure::Requests if window == Window::AtOnce => ";qu=\"concurrent-requests\"",
        Measure::Requests => "",
        Measure::InputTokens => ";qu=\"input-tokens\"",
        Measure::OutputTokens => ";qu=\"output-tokens\"",
        Measure::TotalTokens => ";qu=\"tokens\"",
        Measure::CostMicroUsd => ";qu=\"micro-usd\"",
    });
}

fn push_remaining(text: &mut String, quota: &Quota) {
    text.push_str(";r=");
    push_number(text, quota.remaining());
    if quota.limit.window != Window::AtOnce {
        text.push_str(";t=");
        push_number(text, quota.reset_secs);
    }
}

/// As `format!` does, which takes many times as long: every reply has some twenty numbers.
fn push_number(text: &mut String, number: u64) {
    text.push_str(itoa::Buffer::new().format(number));
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_domain::limits::{Limit, Per};

    fn quota(measure: Measure, window: Window, model: Option<&str>) -> Quota {
        let limit = Limit { measure, window, per: Per::User, model: model.map(Into::into), amount: 1_000 };
        Quota { limit, place: Place::Plan, plan: None, used: 7, reset_secs: 30 }
    }

    fn fields(quotas: &[Quota]) -> (String, String) {
        let mut headers = HeaderMap::new();
        add(&mut headers, quotas.iter());
        let text = |name| headers.get(name).map(|value| value.to_str().expect("ASCII").to_owned()).unwrap_or_default();
        (text("ratelimit-policy"), text("ratelimit"))
    }

    #[test]
    fn every_limit_is_a_policy_and_says_what_is_left() {
        let (policies, left) = fields(&[
            quota(Measure::Requests, Window::AtOnce, None),
            quota(Measure::Requests, Window::Minute, None),
            quota(Measure::TotalTokens, Window::Day, None),
            quota(Measure::CostMicroUsd, Window::Month, None),
        ]);
        assert_eq!(
            policies,
            "\"plan-requests-at-once\";q=1000;qu=\"concurrent-requests\", \"plan-requests-minute\";q=1000;w=60, \
             \"plan-tokens-day\";q=1000;w=86400;qu=\"tokens\", \"plan-cost-month\";q=1000;w=2592000;qu=\"micro-usd\""
        );
        assert_eq!(
            left,
            "\"plan-requests-at-once\";r=993, \"plan-requests-minute\";r=993;t=30, \"plan-tokens-day\";r=993;t=30, \
             \"plan-cost-month\";r=993;t=30"
        );
        assert_eq!(fields(&[]), (String::new(), String::new()));
    }

    #[test]
    fn limits_of_one_kind_have_names_of_their_own() {
        let of = |model| quota(Measure::InputTokens, Window::Hour, Some(model));
        let (policies, left) = fields(&[of("a"), of("b"), quota(Measure::InputTokens, Window::Day, None), of("c")]);
        let names = |text: &str| text.split(", ").map(|item| item.split('"').nth(1).unwrap_or("").to_owned()).collect();
        let names: [Vec<String>; 2] = [names(&policies), names(&left)];
        let wanted =
            ["plan-input-tokens-hour", "plan-input-tokens-hour-2", "plan-input-tokens-day", "plan-input-tokens-hour-3"];
        assert_eq!(names, [wanted, wanted].map(|names| names.map(str::to_owned).to_vec()));
    }
}
