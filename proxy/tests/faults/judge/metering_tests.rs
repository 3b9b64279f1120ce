//! Each wrong that the judge is there for, made by hand.

use std::time::Instant;

use super::*;
use crate::truth::Seen;

const LOSS_WINDOW: Duration = Duration::from_millis(150);

struct Case {
    calls: Vec<Call>,
    ends: Vec<End>,
    truth: Truth,
    events: Vec<Event>,
}

impl Case {
    /// A call that was answered, delivered and metered as it should.
    fn sound() -> Self {
        let now = Instant::now();
        let call = Call {
            model: Some("m1".to_owned()),
            user: "alice".to_owned(),
            method: "POST",
            node: 0,
            version: crate::site::Version::Http1,
            began: now,
            ended: now + Duration::from_secs(1),
            ending: Ending::Whole { status: 200 },
            heard: true,
            tokens: Some((3, 5)),
            metered: true,
            may_break: false,
            broke: None,
            talk: Default::default(),
        };
        let seen = Seen {
            method: "POST".to_owned(),
            path: "/openai/v1/chat/completions".to_owned(),
            model: call.model.clone(),
            status: Some(200),
            finished: true,
            keys: 1,
        };
        let event = Event {
            sub: Some(call.user.clone()),
            method: "POST".to_owned(),
            model: call.model.clone(),
            status: 200,
            outcome: "completed".to_owned(),
            input_tokens: Some(3),
            output_tokens: Some(5),
            is_part: false,
            estimated: false,
        };
        Self { calls: vec![call], ends: vec![], truth: Truth::from([(1, seen)]), events: vec![event] }
    }

    fn judge(&self) -> Verdict {
        let Self { calls, ends, truth, events } = self;
        judge(Evidence { calls, ends, truth, events, loss_window: LOSS_WINDOW })
    }

    fn kill_after(mut self, later: Duration) -> Self {
        let at = self.calls[0].ended + later;
        self.ends.push(End { node: 0, from: at, to: at, manner: Manner::Killed });
        self
    }
}

#[test]
fn a_call_with_its_event_is_well() {
    let verdict = Case::sound().judge();
    assert!(verdict.wrong.is_empty() && verdict.missing.is_empty(), "{verdict:?}");
}

#[test]
fn a_second_event_is_wrong() {
    let mut case = Case::sound();
    case.events.push(case.events[0].clone());
    assert_eq!(case.judge().wrong, ["m1 is metered twice"]);
}

#[test]
fn a_call_that_reached_the_provider_twice_is_wrong() {
    let mut case = Case::sound();
    let seen = case.truth[&1].clone();
    case.truth.insert(2, seen);
    assert_eq!(case.judge().wrong, ["m1 reached the provider twice"]);
}

#[test]
fn a_lost_event_is_missing_unless_a_kill_within_the_bound_excuses_it() {
    let lost = || {
        let mut case = Case::sound();
        case.events.clear();
        case
    };
    // By the provider's ledger, and by the client's count.
    assert_eq!(lost().judge().missing.len(), 2);
    let verdict = lost().kill_after(LOSS_WINDOW).judge();
    assert!(verdict.missing.is_empty() && verdict.excused > 0);
    assert_eq!(lost().kill_after(LOSS_WINDOW * 2).judge().missing.len(), 2);
}

#[test]
fn other_tokens_than_the_client_was_told_are_wrong() {
    let mut case = Case::sound();
    case.events[0].output_tokens = Some(4);
    assert_eq!(case.judge().wrong.len(), 1);
}

#[test]
fn nothing_metered_of_a_delivered_part_is_wrong() {
    let mut case = Case::sound();
    (case.calls[0].ending, case.calls[0].tokens) = (Ending::Left, None);
    (case.events[0].input_tokens, case.events[0].output_tokens) = (None, None);
    assert_eq!(case.judge().wrong.len(), 1);
}

#[test]
fn refusals_are_counted_for_each_user() {
    let refused = |user: &str| Call {
        model: None,
        user: user.to_owned(),
        ending: Ending::Whole { status: 429 },
        tokens: None,
        ..Case::sound().calls[0].clone()
    };
    let mut case = Case::sound();
    case.calls = vec![refused("alice"), refused("alice")];
    case.truth.clear();
    case.events[0].model = None;
    assert_eq!(case.judge().missing, ["alice made 2 calls by POST, metered as 1"]);
    case.calls = vec![refused("bob")];
    assert_eq!(case.judge().wrong, ["alice made 0 calls by POST, metered as 1"]);
}
