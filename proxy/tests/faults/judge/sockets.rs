//! What was said over a socket is metered while it is open: each answer that the client was told, also when the edge is
//! killed before the socket ends.

use std::time::Duration;

use crate::events::Event;
use crate::journal::{Call, End, Ending, Manner};

/// What is wrong with what was metered of one socket.
pub fn judge(call: &Call, events: &[&Event], ends: &[End], loss_window: Duration) -> Option<String> {
    let name = call.model.as_deref().unwrap_or_default();
    let metered = sum(events.iter().filter_map(|event| event.input_tokens.zip(event.output_tokens)));
    let is_estimated = events.iter().any(|event| event.estimated);
    let is_whole = matches!(call.ending, Ending::Whole { status: 101 });
    let has_end = events.iter().any(|event| !event.is_part);
    // Events are written in their order: with the last one all are there.
    let told = if has_end {
        sum(call.talk.answers.iter().map(|answer| answer.tokens))
    } else {
        sum(told_until(call, ends, loss_window))
    };
    let differs = |what: &str| {
        Some(format!("of {name}, a socket, the client was told {told:?} tokens, metered are {metered:?}: {what}"))
    };
    if metered.0 < told.0 || metered.1 < told.1 {
        return differs("too few");
    }
    if !is_estimated && (metered.0 > call.talk.asked.0 || metered.1 > call.talk.asked.1) {
        return differs(&format!("more than was asked for, {:?}", call.talk.asked));
    }
    if is_whole && has_end && metered != told {
        return differs("not the same");
    }
    if has_end && call.heard && metered.1 == 0 {
        return differs("it was heard in part");
    }
    None
}

/// Of a socket that a kill ended, what was told long enough before.
fn told_until<'a>(call: &'a Call, ends: &[End], loss_window: Duration) -> impl Iterator<Item = (i64, i64)> + 'a {
    let killed =
        ends.iter().filter(|end| end.manner == Manner::Killed && end.node == call.node && end.to >= call.began);
    let first = killed.map(|end| end.from).min();
    let is_safe = move |at| first.is_none_or(|killed| at + loss_window < killed);
    call.talk.answers.iter().filter(move |answer| is_safe(answer.at)).map(|answer| answer.tokens)
}

fn sum(tokens: impl Iterator<Item = (i64, i64)>) -> (i64, i64) {
    tokens.fold((0, 0), |sum, tokens| (sum.0 + tokens.0, sum.1 + tokens.1))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::journal::{Answered, Talk};

    const WINDOW: Duration = Duration::from_millis(50);

    fn talked(ending: Ending) -> Call {
        let began = Instant::now();
        let answer = |secs| Answered { at: began + Duration::from_secs(secs), tokens: (10, 3) };
        Call {
            model: Some("m1".to_owned()),
            user: "talker".to_owned(),
            method: "WEBSOCKET",
            node: 0,
            version: crate::site::Version::Http1,
            began,
            ended: began + Duration::from_secs(3),
            ending,
            heard: true,
            tokens: None,
            metered: true,
            may_break: false,
            broke: None,
            talk: Talk { answers: vec![answer(1), answer(2)], asked: (30, 9) },
        }
    }

    fn event(is_part: bool, tokens: Option<(i64, i64)>) -> Event {
        Event {
            sub: None,
            method: "WEBSOCKET".to_owned(),
            model: Some("m1".to_owned()),
            status: 101,
            outcome: "completed".to_owned(),
            input_tokens: tokens.map(|tokens| tokens.0),
            output_tokens: tokens.map(|tokens| tokens.1),
            is_part,
            estimated: false,
        }
    }

    fn is_well(call: &Call, events: &[Event], killed_after: Option<Duration>) -> bool {
        let end = |after| End { node: 0, from: call.began + after, to: call.began + after, manner: Manner::Killed };
        let ends: Vec<End> = killed_after.map(end).into_iter().collect();
        judge(call, &events.iter().collect::<Vec<_>>(), &ends, WINDOW).is_none()
    }

    #[test]
    fn each_answer_that_was_told_is_metered_once() {
        let (whole, part, end) =
            (talked(Ending::Whole { status: 101 }), event(true, Some((10, 3))), event(false, None));
        let all = [part.clone(), part.clone(), end.clone()];
        assert!(is_well(&whole, &all, None));
        assert!(!is_well(&whole, &[part.clone(), end.clone()], None), "one is missing");
        assert!(!is_well(&whole, &[part.clone(), part.clone(), part.clone(), end], None), "one is there twice");
        let left = talked(Ending::Left);
        assert!(is_well(&left, &[part.clone(), part.clone(), event(false, Some((5, 1)))], None));
        assert!(!is_well(&left, &[part.clone(), part, event(false, Some((11, 1)))], None), "more than was asked");
    }

    #[test]
    fn a_kill_excuses_the_answers_of_the_last_instant_alone() {
        let (broken, part) = (talked(Ending::Broken), event(true, Some((10, 3))));
        let killed = |millis| Some(Duration::from_millis(millis));
        assert!(is_well(&broken, std::slice::from_ref(&part), killed(2_040)));
        assert!(!is_well(&broken, &[part], killed(2_100)));
    }
}
