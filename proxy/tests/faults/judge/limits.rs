//! Accepted ≤ limit, by the provider's ledger: what reached it is what was accepted, whatever the edges remember.

use std::collections::BTreeMap;

use crate::journal::Call;
use crate::truth::Truth;

/// What one user may do in the whole of a round.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    pub requests: usize,
    pub tokens: i64,
}

impl Allowance {
    /// While Redis is away each of the edges counts its part alone, and anew after it was killed (docs/limits.md).
    pub fn in_round(limits: Self, redis_was_away: bool, kills: usize) -> Self {
        let times = if redis_was_away { 2 + kills } else { 1 };
        Self { requests: limits.requests * times, tokens: limits.tokens * i64::try_from(times).unwrap_or(i64::MAX) }
    }
}

pub fn judge(calls: &[Call], truth: &Truth, counted: &str, budgeted: &str, allowance: Allowance) -> Vec<String> {
    let reached: BTreeMap<&str, usize> =
        truth.values().filter_map(|seen| seen.model.as_deref()).fold(BTreeMap::new(), |mut counts, model| {
            *counts.entry(model).or_default() += 1;
            counts
        });
    let (mut requests, mut tokens): (BTreeMap<&str, usize>, BTreeMap<&str, i64>) = Default::default();
    for call in calls {
        let times = call.model.as_deref().and_then(|model| reached.get(model)).copied().unwrap_or_default();
        if call.user.starts_with(counted) {
            *requests.entry(&call.user).or_default() += times;
        }
        if call.user.starts_with(budgeted) {
            *tokens.entry(&call.user).or_default() += call.tokens.map_or(0, |(input, output)| input + output);
        }
    }
    let requests = requests.into_iter().filter(|(_, count)| *count > allowance.requests);
    let tokens = tokens.into_iter().filter(|(_, count)| *count > allowance.tokens);
    let too_many = requests
        .map(|(user, count)| format!("{count} requests of {user} were accepted, {} are allowed", allowance.requests));
    too_many
        .chain(tokens.map(|(user, count)| format!("{user} was given {count} tokens, {} are allowed", allowance.tokens)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Ending;
    use crate::truth::Seen;
    use std::time::Instant;

    fn call(model: &str, user: &str) -> Call {
        Call {
            model: Some(model.to_owned()),
            user: user.to_owned(),
            method: "POST",
            node: 0,
            began: Instant::now(),
            ended: Instant::now(),
            ending: Ending::Whole { status: 200 },
            heard: true,
            tokens: Some((4, 6)),
            metered: true,
            may_break: false,
            broke: None,
        }
    }

    fn seen(model: &str) -> Seen {
        let (method, path) = ("POST".to_owned(), "/openai/v1/chat/completions".to_owned());
        Seen { method, path, model: Some(model.to_owned()), status: Some(200), finished: true, keys: 1 }
    }

    #[test]
    fn one_request_or_token_too_many_is_named() {
        let truth = Truth::from([(1, seen("a")), (2, seen("b"))]);
        let judge = |user, requests, tokens| {
            let calls = [call("a", user), call("b", user)];
            judge(&calls, &truth, "counted", "budgeted", Allowance { requests, tokens }).len()
        };
        assert_eq!((judge("counted-1", 2, 0), judge("counted-1", 1, 0)), (0, 1));
        assert_eq!((judge("budgeted-1", 0, 20), judge("budgeted-1", 0, 19)), (0, 1));
    }
}
