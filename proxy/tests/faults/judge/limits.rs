//! Accepted ≤ limit, by the provider's ledger: what reached it is what was accepted, whatever the edges remember.

use std::collections::BTreeMap;

use crate::journal::Call;
use crate::site::cost_micro_usd;
use crate::truth::Truth;

/// What is limited of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measured {
    Requests,
    Tokens,
    Money,
    /// Of answers over sockets.
    TalkMoney,
}

/// What one user may do in the whole of a round.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    pub requests: usize,
    pub tokens: i64,
    pub cost_micro_usd: i64,
    pub talk_micro_usd: i64,
}

impl Allowance {
    /// While Redis is away each of the edges counts its part alone, and anew after it was killed (docs/limits.md).
    pub fn in_round(limits: Self, redis_was_away: bool, kills: usize) -> Self {
        let times = if redis_was_away { 2 + kills } else { 1 };
        let multiple = i64::try_from(times).unwrap_or(i64::MAX);
        Self {
            requests: limits.requests * times,
            tokens: limits.tokens * multiple,
            cost_micro_usd: limits.cost_micro_usd * multiple,
            talk_micro_usd: limits.talk_micro_usd * multiple,
        }
    }

    fn of(self, measured: Measured) -> i64 {
        match measured {
            Measured::Requests => i64::try_from(self.requests).unwrap_or(i64::MAX),
            Measured::Tokens => self.tokens,
            Measured::Money => self.cost_micro_usd,
            Measured::TalkMoney => self.talk_micro_usd,
        }
    }
}

/// Users by how their names begin.
pub fn judge(calls: &[Call], truth: &Truth, limited: [(&str, Measured); 4], allowance: Allowance) -> Vec<String> {
    let reached: BTreeMap<&str, i64> =
        truth.values().filter_map(|seen| seen.model.as_deref()).fold(BTreeMap::new(), |mut counts, model| {
            *counts.entry(model).or_default() += 1;
            counts
        });
    let measured = |call: &Call| limited.iter().find(|(name, _)| call.user.starts_with(name)).map(|limit| limit.1);
    let limited_calls = || calls.iter().filter_map(|call| Some((call, measured(call)?)));
    // They all ask the same, so an answer of which the client heard nothing was as long as the others.
    let usual = limited_calls().filter_map(|(call, _)| call.tokens).max().unwrap_or_default();
    let mut sums: BTreeMap<(&str, Measured), i64> = BTreeMap::new();
    for (call, measured) in limited_calls() {
        let times = call.model.as_deref().and_then(|model| reached.get(model)).copied().unwrap_or_default();
        let tokens = call.tokens.unwrap_or(usual);
        let each = match measured {
            Measured::Requests => 1,
            Measured::Tokens => tokens.0 + tokens.1,
            Measured::Money => cost_micro_usd(tokens),
            Measured::TalkMoney => call.talk.answers.iter().map(|answer| cost_micro_usd(answer.tokens)).sum(),
        };
        *sums.entry((&call.user, measured)).or_default() += times * each;
    }
    let too_much = sums.into_iter().filter(|((_, measured), sum)| *sum > allowance.of(*measured));
    too_much
        .map(|((user, measured), sum)| {
            format!("{user} was given {sum} by {measured:?}, {} are allowed", allowance.of(measured))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Answered, Ending, Talk};
    use crate::truth::Seen;
    use std::time::Instant;

    fn call(model: &str, user: &str, tokens: Option<(i64, i64)>) -> Call {
        Call {
            model: Some(model.to_owned()),
            user: user.to_owned(),
            method: "POST",
            node: 0,
            version: crate::site::Version::Http1,
            began: Instant::now(),
            ended: Instant::now(),
            ending: Ending::Whole { status: 200 },
            heard: true,
            tokens,
            metered: true,
            may_break: false,
            broke: None,
            talk: Talk { answers: vec![Answered { at: Instant::now(), tokens: (4, 6) }; 2], asked: (8, 12) },
        }
    }

    fn seen(model: &str) -> Seen {
        let (method, path) = ("POST".to_owned(), "/openai/v1/chat/completions".to_owned());
        Seen { method, path, model: Some(model.to_owned()), status: Some(200), finished: true, keys: 1 }
    }

    #[test]
    fn one_request_or_token_or_coin_too_many_is_named_also_of_an_answer_that_nobody_heard() {
        let truth = Truth::from([(1, seen("a")), (2, seen("b"))]);
        let limited = [
            ("counted", Measured::Requests),
            ("budgeted", Measured::Tokens),
            ("paying", Measured::Money),
            ("talking", Measured::TalkMoney),
        ];
        let judge = |user, requests, tokens, cost_micro_usd| {
            let talk_micro_usd = cost_micro_usd;
            let calls = [call("a", user, Some((4, 6))), call("b", user, None), call("refused", user, None)];
            judge(&calls, &truth, limited, Allowance { requests, tokens, cost_micro_usd, talk_micro_usd }).len()
        };
        assert_eq!((judge("counted-1", 2, 0, 0), judge("counted-1", 1, 0, 0)), (0, 1));
        assert_eq!((judge("budgeted-1", 0, 20, 0), judge("budgeted-1", 0, 19, 0)), (0, 1));
        assert_eq!((judge("paying-1", 0, 0, 52), judge("paying-1", 0, 0, 51)), (0, 1));
        assert_eq!((judge("talking-1", 0, 0, 104), judge("talking-1", 0, 0, 103)), (0, 1));
        assert_eq!(judge("somebody-else", 0, 0, 0), 0);
    }
}
