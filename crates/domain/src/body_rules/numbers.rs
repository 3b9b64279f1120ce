//! Numbers that a rule bounds: a larger one becomes the bound.

use super::apply::{Call, Changes};
use super::{BodyRefusal, BodyRule};
use crate::json_edit::{Edit, place};

pub(super) fn clamp(rule: &BodyRule, call: &Call<'_>, changes: &mut Changes) -> Result<(), BodyRefusal> {
    if let Some(most) = rule.max_choices {
        for pointer in call.fields.choices.iter().chain(&call.fields.other_choices) {
            clamp_at(call, pointer, most, changes)?;
        }
    }
    let Some(most) = rule.max_output_tokens else { return Ok(()) };
    let mut is_limited = false;
    for pointer in &call.fields.max_output {
        is_limited |= clamp_at(call, pointer, most, changes)?;
    }
    if let Some(first) = call.fields.max_output.first().filter(|_| !is_limited) {
        changes.edits.push(call.set(first, most.to_string())?);
    }
    Ok(())
}

/// Whether there is a number.
fn clamp_at(call: &Call<'_>, pointer: &str, most: u64, changes: &mut Changes) -> Result<bool, BodyRefusal> {
    let mut is_there = false;
    for (at, value) in call.fields.found(call.body, pointer) {
        if value.is_null() {
            continue;
        }
        // 1e9, "1000000" or -1 may be a number to some provider, and which one is not known.
        let given = value.as_u64().ok_or_else(|| BodyRefusal::unreadable(&at))?;
        is_there = true;
        if given > most {
            changes.edits.push(Edit::Set { place: place(&at), json: most.to_string() });
        }
    }
    Ok(is_there)
}
