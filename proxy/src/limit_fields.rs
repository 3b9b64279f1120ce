//! draft-ietf-httpapi-ratelimit-headers: every limit as a policy, and what is left of it until when.

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_domain::limits::quota::Quota;
use keyward_domain::limits::{Limit, Measure, Window};

/// More than this tell nobody anything, and fields have an end.
const MOST: usize = 16;

pub fn add<'q>(headers: &mut HeaderMap, quotas: impl Iterator<Item = &'q Quota>) {
    let (mut policies, mut left) = (Vec::new(), Vec::new());
    for quota in quotas.take(MOST) {
        let name = unique(quota.name(), &policies);
        policies.push((name.clone(), policy(&name, &quota.limit)));
        left.push(remaining(&name, quota));
    }
    if policies.is_empty() {
        return;
    }
    let policies: Vec<String> = policies.into_iter().map(|(_, policy)| policy).collect();
    for (field, items) in [("ratelimit-policy", policies), ("ratelimit", left)] {
        if let Ok(value) = HeaderValue::try_from(items.join(", ")) {
            headers.insert(HeaderName::from_static(field), value);
        }
    }
}

/// Two limits of the same kind differ in their model, whose name may hold anything.
fn unique(name: String, taken: &[(String, String)]) -> String {
    let is_taken = |name: &str| taken.iter().any(|(other, _)| other == name);
    if !is_taken(&name) {
        return name;
    }
    (2..).map(|number| format!("{name}-{number}")).find(|name| !is_taken(name)).unwrap_or(name)
}

fn policy(name: &str, limit: &Limit) -> String {
    let quota = limit.amount;
    let unit = match limit.measure {
        Measure::Requests if limit.window == Window::AtOnce => "concurrent-requests",
        Measure::Requests => return format!("\"{name}\";q={quota};w={}", limit.window.secs()),
        Measure::InputTokens => "input-tokens",
        Measure::OutputTokens => "output-tokens",
        Measure::TotalTokens => "tokens",
        Measure::CostMicroUsd => "micro-usd",
    };
    match limit.window {
        Window::AtOnce => format!("\"{name}\";q={quota};qu=\"{unit}\""),
        Window::Second | Window::Minute | Window::Hour | Window::Day | Window::Month => {
            format!("\"{name}\";q={quota};w={};qu=\"{unit}\"", limit.window.secs())
        }
    }
}

fn remaining(name: &str, quota: &Quota) -> String {
    match quota.limit.window {
        Window::AtOnce => format!("\"{name}\";r={}", quota.remaining()),
        Window::Second | Window::Minute | Window::Hour | Window::Day | Window::Month => {
            format!("\"{name}\";r={};t={}", quota.remaining(), quota.reset_secs)
        }
    }
}
