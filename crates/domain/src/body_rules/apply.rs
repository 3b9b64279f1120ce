//! One rule and one body: what must change in it, or why it is refused.

use serde_json::Value;

use super::{BodyRefusal, BodyRule, EndUser, conversation, models, numbers, tools};
use crate::body_fields::BodyFields;
use crate::json_edit::{Edit, place, quoted};

/// A call as far as a rule reads it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub fields: &'a BodyFields,
    /// The body; of a form, its text fields.
    pub body: &'a Value,
    pub model_in_path: Option<&'a str>,
    /// What stands for the Subject at the provider.
    pub end_user: &'a str,
}

/// What to send instead of what came. Everything else stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub edits: Vec<Edit>,
    pub model_in_path: Option<String>,
}

pub fn apply(rule: &BodyRule, call: &Call<'_>) -> Result<Changes, BodyRefusal> {
    if !call.body.is_object() {
        return Err(BodyRefusal::unreadable(""));
    }
    call.check_names()?;
    let mut changes = Changes::default();
    if rule.restricts() {
        call.check_unruled()?;
    }
    models::check(rule, call, &mut changes)?;
    tools::check_tools(rule, call)?;
    tools::check_modalities(rule, call)?;
    conversation::check_sizes(rule, call)?;
    numbers::clamp(rule, call, &mut changes)?;
    conversation::check_system(rule, call, &mut changes)?;
    if rule.end_user == EndUser::Hashed {
        name_end_user(call, &mut changes)?;
    }
    Ok(changes)
}

/// The client's own word for who it is counts nowhere.
fn name_end_user(call: &Call<'_>, changes: &mut Changes) -> Result<(), BodyRefusal> {
    let Some((first, older)) = call.fields.end_user.split_first() else { return Ok(()) };
    for at in older.iter().flat_map(|pointer| call.fields.places(call.body, pointer)) {
        changes.edits.push(Edit::Remove { place: place(&at) });
    }
    changes.edits.push(call.set(first, quoted(call.end_user))?);
    Ok(())
}

impl Call<'_> {
    /// A change of what stands there, or would, in the spelling that the body already uses on the way.
    pub(super) fn set(&self, pointer: &str, json: String) -> Result<Edit, BodyRefusal> {
        let unreadable = || BodyRefusal::unreadable(pointer);
        let mut known = pointer;
        loop {
            let mut places = self.fields.found(self.body, known);
            let Some((at, value)) = places.pop() else {
                known = &known[..known.rfind('/').unwrap_or(0)];
                continue;
            };
            // In which of two would the provider look?
            let is_one = places.is_empty();
            let can_hold = known == pointer || value.is_object() || value.is_null();
            let target = format!("{at}{}", &pointer[known.len()..]);
            return (is_one && can_hold).then(|| Edit::set(&target, json)).ok_or_else(unreadable);
        }
    }

    fn check_unruled(&self) -> Result<(), BodyRefusal> {
        let is_there = |pointer: &&String| {
            let values = self.fields.values(self.body, pointer);
            values.into_iter().any(|value| !is_empty(value) && *value != Value::Bool(false))
        };
        let found = self.fields.unruled.iter().find(is_there);
        found.map_or(Ok(()), |pointer| Err(BodyRefusal::uncheckable(pointer)))
    }

    /// Some programs take a member for another one whose name differs in case: then the rule would read the one and
    /// the provider the other.
    fn check_names(&self) -> Result<(), BodyRefusal> {
        let Some(members) = self.body.as_object() else { return Ok(()) };
        // Nearly no body has one.
        if !self.fields.may_mistake(members) {
            return Ok(());
        }
        for wanted in self.fields.top_members() {
            let pointer = format!("/{wanted}");
            let known = self.fields.places(self.body, &pointer);
            let is_known = |name: &str| known.iter().any(|place| place.get(1..) == Some(name));
            if let Some(other) = members.keys().find(|name| name.eq_ignore_ascii_case(wanted) && !is_known(name)) {
                return Err(BodyRefusal::unreadable(other));
            }
        }
        Ok(())
    }
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_that_is_no_object_is_refused() {
        let fields = BodyFields::default();
        for body in [json!([]), json!("x"), json!(null), json!(7)] {
            let call = Call { fields: &fields, body: &body, model_in_path: None, end_user: "" };
            assert_eq!(apply(&BodyRule::default(), &call), Err(BodyRefusal::unreadable("")), "{body}");
        }
    }
}
