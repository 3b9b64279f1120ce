//! A plan in a line: what it limits, what it says, what it allows.

use keyward_domain::policy::PlanAtProxy;
use keyward_domain::view::PlanView;

use crate::bodies::summary;
use crate::ui::format::counted;

pub fn plan_summary(plan: &PlanView) -> String {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let limits = match plan.limits().len() {
        0 => "No limits of its own".to_owned(),
        limits => counted(number(limits), "limit", "limits"),
    };
    let narrowed = number(plan.policy.proxies.len());
    let parts = [
        Some(limits),
        (narrowed > 0).then(|| format!("less at {}", counted(narrowed, "proxy", "proxies"))),
        (!plan.policy.message.is_empty()).then(|| "a message".to_owned()),
        plan.policy.upgrade_url.is_some().then(|| "an upgrade link".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What a plan allows at a proxy, in short lines; the first is about endpoints.
pub fn access_lines(at: &PlanAtProxy) -> Vec<String> {
    let endpoints = match &at.endpoints {
        None => "Every endpoint that the proxy allows".to_owned(),
        Some(chosen) if chosen.is_empty() => "Nothing: calls are refused".to_owned(),
        Some(chosen) => {
            let count = i64::try_from(chosen.len()).unwrap_or(i64::MAX);
            format!("Only {}", counted(count, "endpoint", "endpoints"))
        }
    };
    std::iter::once(endpoints).chain(summary(&at.body)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_domain::body_rules::BodyRule;
    use std::collections::BTreeSet;

    #[test]
    fn says_what_is_left_of_a_proxy() {
        assert_eq!(access_lines(&PlanAtProxy::default()), ["Every endpoint that the proxy allows"]);
        let body = BodyRule { models: vec!["gpt-4o-mini".to_owned()], ..BodyRule::default() };
        let narrowed = PlanAtProxy { endpoints: Some(BTreeSet::new()), body };
        assert_eq!(access_lines(&narrowed), ["Nothing: calls are refused", "Models: gpt-4o-mini"]);
    }
}
