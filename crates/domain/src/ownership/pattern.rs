//! Where in a JSON value strings stand: `/tool_resources/*/file_ids/*`. `*` is every element or member, `**` any depth.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::rule::Condition;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Every,
    AnyDepth,
}

impl Pattern {
    pub fn parse(text: &str) -> Self {
        let step = |name: &str| match name {
            "*" => Step::Every,
            "**" => Step::AnyDepth,
            _ => Step::Member(name.to_owned()),
        };
        Self(text.split('/').skip(1).map(step).collect())
    }

    pub fn strings<'a>(&self, value: &'a Value) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        visit(&self.0, value, &mut |value| found.extend(value.as_str()));
        found
    }

    /// Every string at this place, as often as it is found.
    pub fn each<'a>(&self, value: &'a Value, found: &mut impl FnMut(&'a str)) {
        visit(&self.0, value, &mut |value| value.as_str().into_iter().for_each(&mut *found));
    }

    /// Of a member at any depth, the steps from it on: `/**/file_ids/*`.
    pub fn deep_member(&self) -> Option<(&str, &[Step])> {
        match &self.0[..] {
            [Step::AnyDepth, Step::Member(name), rest @ ..] => Some((name, rest)),
            _ => None,
        }
    }

    fn any(&self, value: &Value, mut is: impl FnMut(&Value) -> bool) -> bool {
        let mut any = false;
        visit(&self.0, value, &mut |value| any |= is(value));
        any
    }

    /// Hands each value at this place to `change`; one that is not wanted any more is taken out of its object.
    pub fn change(&self, value: &mut Value, change: &mut impl FnMut(&str) -> Option<String>) {
        change_at(&self.0, value, change);
    }
}

/// Whether any value at the condition's path is one of its values.
pub(crate) fn holds(condition: &Condition, value: &Value) -> bool {
    holds_at(&Pattern::parse(&condition.path), condition, value)
}

/// The same, of a path that was parsed before.
pub(super) fn holds_at(path: &Pattern, condition: &Condition, value: &Value) -> bool {
    path.any(value, |value| condition.is.contains(value))
}

/// Every string at these steps of one value.
pub(super) fn each_below<'a>(steps: &[Step], value: &'a Value, found: &mut impl FnMut(&'a str)) {
    visit(steps, value, &mut |value| value.as_str().into_iter().for_each(&mut *found));
}

/// Each object, at any depth, with its members.
pub(super) fn each_object<'a>(value: &'a Value, found: &mut dyn FnMut(&'a Map<String, Value>)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_object(item, found)),
        Value::Object(members) => {
            found(members);
            members.values().for_each(|member| each_object(member, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn visit<'a>(steps: &[Step], value: &'a Value, found: &mut impl FnMut(&'a Value)) {
    let Some((step, rest)) = steps.split_first() else {
        found(value);
        return;
    };
    match step {
        Step::Member(name) => {
            if let Some(member) = value.get(name) {
                visit(rest, member, found);
            }
        }
        // One id where a list is expected is still an id.
        Step::Every if value.is_string() => visit(rest, value, found),
        Step::Every => each_child(value, &mut |child| visit(rest, child, found)),
        Step::AnyDepth => {
            visit(rest, value, found);
            each_child(value, &mut |child| visit(steps, child, found));
        }
    }
}

/// Through a dynamic call: the walk is recursive in its own closure.
fn each_child<'a>(value: &'a Value, visit: &mut dyn FnMut(&'a Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(visit),
        Value::Object(members) => members.values().for_each(visit),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn change_at(steps: &[Step], value: &mut Value, change: &mut impl FnMut(&str) -> Option<String>) {
    let Some((step, rest)) = steps.split_first() else { return };
    match (step, rest, value) {
        (Step::Member(name), [], Value::Object(members)) => {
            let changed = members.get(name).and_then(Value::as_str).map(&mut *change);
            match changed {
                Some(Some(text)) => drop(members.insert(name.clone(), Value::from(text))),
                Some(None) => drop(members.remove(name)),
                None => {}
            }
        }
        (Step::Member(name), _, Value::Object(members)) => {
            if let Some(member) = members.get_mut(name) {
                change_at(rest, member, change);
            }
        }
        (Step::Every, _, Value::Array(items)) => items.iter_mut().for_each(|item| change_at(rest, item, change)),
        // An address stands in a member with a name; deeper patterns have no use.
        (Step::Member(_) | Step::Every | Step::AnyDepth, _, _) => {}
    }
}
