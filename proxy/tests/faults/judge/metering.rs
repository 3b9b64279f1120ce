//! Metered = delivered: one event for each call that an edge took, with the tokens that the client was told. Only a
//! `kill -9` excuses one: of a call under way, or of one that ended within the edge's bound before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::events::Event;
use crate::journal::{Call, End, Ending, Manner};
use crate::judge::sockets;
use crate::truth::Truth;

const WEBSOCKET: &str = "WEBSOCKET";

#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    pub calls: &'a [Call],
    pub ends: &'a [End],
    pub truth: &'a Truth,
    pub events: &'a [Event],
    /// What had ended for so long is not to be lost.
    pub loss_window: Duration,
}

#[derive(Debug, Default)]
pub struct Verdict {
    /// Wrong now and for ever.
    pub wrong: Vec<String>,
    /// May still come.
    pub missing: Vec<String>,
    /// Calls without an event that a kill excuses.
    pub excused: usize,
    /// Of calls that were answered in whole, how long before the kill the first one of them had ended.
    pub oldest_lost: Option<Duration>,
}

pub fn judge(evidence: Evidence<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    let by_model: HashMap<&str, &Call> =
        evidence.calls.iter().filter_map(|call| Some((call.model.as_deref()?, call))).collect();
    let sent = sent(evidence, &by_model, &mut verdict);
    let rest = one_event_for_each_model_call(evidence, &by_model, &sent, &mut verdict);
    as_many_as_calls(evidence, rest, &mut verdict);
    verdict
}

/// The models of calls that reached the provider: each at most once.
fn sent<'a>(evidence: Evidence<'a>, by_model: &HashMap<&str, &Call>, verdict: &mut Verdict) -> HashSet<&'a str> {
    let mut sent = HashSet::new();
    for model in evidence.truth.values().filter_map(|seen| seen.model.as_deref()) {
        if !sent.insert(model) {
            verdict.wrong.push(format!("{model} reached the provider twice"));
        }
        if !by_model.contains_key(model) {
            verdict.wrong.push(format!("{model} reached the provider, but nobody asked for it"));
        }
    }
    sent
}

/// The events that name no call's model are given back.
fn one_event_for_each_model_call<'a>(
    evidence: Evidence<'a>,
    by_model: &HashMap<&str, &'a Call>,
    sent: &HashSet<&str>,
    verdict: &mut Verdict,
) -> (Vec<&'a Event>, HashSet<&'a str>) {
    let (mut told, mut rest) = (HashSet::new(), Vec::new());
    let mut of_sockets: HashMap<&str, Vec<&Event>> = HashMap::new();
    for event in evidence.events {
        let Some((model, call)) = event.model.as_deref().and_then(|model| Some((model, *by_model.get(model)?))) else {
            rest.push(event);
            continue;
        };
        if call.method == WEBSOCKET {
            of_sockets.entry(model).or_default().push(event);
        } else {
            verdict.wrong.extend(disagreement(call, event));
        }
        if !event.is_part && !told.insert(model) {
            verdict.wrong.push(format!("{model} is metered twice"));
        }
    }
    for call in evidence.calls {
        let Some(model) = call.model.as_deref().filter(|model| !told.contains(model)) else { continue };
        if !sent.contains(model) {
            continue;
        }
        if is_excused(call, evidence) {
            verdict.excused += 1;
            verdict.oldest_lost = verdict.oldest_lost.max(ended_before_kill(call, evidence));
        } else {
            verdict
                .missing
                .push(format!("{model} of {} reached the provider ({:?}), unmetered", call.user, call.ending));
        }
    }
    for call in evidence.calls.iter().filter(|call| call.method == WEBSOCKET) {
        let events = call.model.as_deref().and_then(|model| of_sockets.remove(model)).unwrap_or_default();
        // What is too little may be on its way.
        verdict.missing.extend(sockets::judge(call, &events, evidence.ends, evidence.loss_window));
    }
    (rest, told)
}

fn disagreement(call: &Call, event: &Event) -> Option<String> {
    let name = call.model.as_deref().unwrap_or_default();
    let metered = event.input_tokens.zip(event.output_tokens);
    match (call.ending, call.tokens) {
        (Ending::Whole { status }, _) if status != event.status => {
            Some(format!("{name} ended with {status} and is metered as {}", event.status))
        }
        (Ending::Whole { .. }, Some(told)) if metered != Some(told) || event.outcome != "completed" => {
            Some(format!("{name} was told {told:?} tokens, metered as {metered:?} ({})", event.outcome))
        }
        (Ending::Left | Ending::Broken, _)
            if call.heard && event.status == 200 && metered.is_none_or(|(i, o)| i + o == 0) =>
        {
            Some(format!("{name} was heard in part, and no token is metered"))
        }
        (Ending::Whole { .. } | Ending::Left | Ending::Broken | Ending::Hung, _) => None,
    }
}

/// Calls that name no model, or were refused before it was known: for each user and method as many events as calls.
fn as_many_as_calls(evidence: Evidence<'_>, (rest, told): (Vec<&Event>, HashSet<&str>), verdict: &mut Verdict) {
    #[derive(Default)]
    struct Tally {
        least: usize,
        most: usize,
        excused: usize,
    }
    let mut tallies: BTreeMap<(&str, &str), Tally> = BTreeMap::new();
    for call in evidence.calls.iter().filter(|call| call.model.as_deref().is_none_or(|model| !told.contains(model))) {
        let tally = tallies.entry((&call.user, call.method)).or_default();
        tally.most += 1;
        let is_sure = call.metered && matches!(call.ending, Ending::Whole { .. });
        match (is_sure, is_excused(call, evidence)) {
            (true, false) => tally.least += 1,
            (true, true) => tally.excused += 1,
            (false, _) => {}
        }
    }
    let mut found: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for event in rest {
        *found.entry((event.sub.as_deref().unwrap_or_default(), &event.method)).or_default() += 1;
    }
    for ((user, method), count) in &found {
        let most = tallies.get(&(*user, *method)).map_or(0, |tally| tally.most);
        if *count > most {
            verdict.wrong.push(format!("{user} made {most} calls by {method}, metered as {count}"));
        }
    }
    for ((user, method), tally) in tallies {
        let count = found.get(&(user, method)).copied().unwrap_or_default();
        if count < tally.least {
            verdict.missing.push(format!("{user} made {} calls by {method}, metered as {count}", tally.least));
        }
        verdict.excused += tally.excused.min((tally.least + tally.excused).saturating_sub(count));
    }
}

/// Of a call that was answered in whole.
fn ended_before_kill(call: &Call, evidence: Evidence<'_>) -> Option<Duration> {
    let is_whole = matches!(call.ending, Ending::Whole { .. });
    let kills = evidence.ends.iter().filter(|end| end.manner == Manner::Killed && end.node == call.node);
    let after = kills.filter(|kill| is_whole && kill.to >= call.ended);
    after.map(|kill| kill.from.saturating_duration_since(call.ended)).min()
}

fn is_excused(call: &Call, evidence: Evidence<'_>) -> bool {
    let kills = evidence.ends.iter().filter(|end| end.manner == Manner::Killed && end.node == call.node);
    kills.into_iter().any(|kill| kill.to >= call.began && kill.from <= call.ended + evidence.loss_window)
}

#[cfg(test)]
#[path = "metering_tests.rs"]
mod tests;
