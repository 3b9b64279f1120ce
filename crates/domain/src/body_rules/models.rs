//! Which models may be asked for, and under which names.

use serde_json::Value;

use super::apply::{Call, Changes};
use super::{BodyRefusal, BodyRule};
use crate::json_edit::{Edit, MAX_EDITS, place, quoted};

/// Whether a name is the one a line allows; a `*` at the end stands for any rest.
pub fn fits(allowed: &str, name: &str) -> bool {
    match allowed.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => allowed == name,
    }
}

/// The same, however either of them is written.
pub(super) fn is_meant(allowed: &str, name: &str) -> bool {
    fits(bare(allowed), bare(name))
}

/// Gemini's names are `models/…` in bodies and bare in paths.
const COLLECTION: &str = "models/";

fn bare(name: &str) -> &str {
    name.strip_prefix(COLLECTION).unwrap_or(name)
}

/// Every model that the call names is an allowed one; an alias counts as what it stands for.
pub(super) fn check(rule: &BodyRule, call: &Call<'_>, changes: &mut Changes) -> Result<(), BodyRefusal> {
    if rule.models.is_empty() && rule.aliases.is_empty() {
        return Ok(());
    }
    let mut is_named = false;
    if let Some(name) = call.model_in_path {
        is_named = true;
        let sent = bare(meant(rule, name)?);
        if sent != name {
            is_path_name(sent).then_some(()).ok_or_else(|| BodyRefusal::model(sent))?;
            changes.model_in_path = Some(sent.to_owned());
        }
    }
    let own = call.fields.model.as_deref();
    if let Some(pointer) = own
        && !pointer.contains('*')
        && call.fields.places(call.body, pointer).len() > 1
    {
        return Err(BodyRefusal::unreadable(pointer));
    }
    for (pointer, is_own) in own.map(|own| (own, true)).into_iter().chain(others(call)) {
        for (at, value) in call.fields.found(call.body, pointer) {
            let name = match value {
                Value::Null => continue,
                Value::String(name) => name,
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(BodyRefusal::unreadable(&at));
                }
            };
            is_named |= is_own;
            let sent = meant(rule, name)?;
            if sent != name {
                // In the client's own manner.
                let prefix = if name.starts_with(COLLECTION) { COLLECTION } else { "" };
                if changes.edits.len() == MAX_EDITS {
                    return Err(BodyRefusal::TooManyChanges);
                }
                let json = quoted(&format!("{prefix}{}", if prefix.is_empty() { sent } else { bare(sent) }));
                changes.edits.push(Edit::Set { place: place(&at), json });
            }
        }
    }
    // Where an endpoint takes a model, and none is named, the provider chooses.
    let takes_model = own.is_some() || call.model_in_path.is_some();
    if takes_model && !is_named && !rule.models.is_empty() {
        return Err(BodyRefusal::NoModel);
    }
    Ok(())
}

/// The name to send for the one in the query.
pub(super) fn in_query<'a>(rule: &'a BodyRule, name: Option<&'a str>) -> Result<Option<&'a str>, BodyRefusal> {
    match name {
        Some(name) => meant(rule, name).map(Some),
        None if rule.models.is_empty() => Ok(None),
        None => Err(BodyRefusal::NoModel),
    }
}

fn others<'a>(call: &Call<'a>) -> impl Iterator<Item = (&'a str, bool)> {
    call.fields.other_models.iter().map(|pointer| (pointer.as_str(), false))
}

/// The name to send for the one that was asked for.
fn meant<'a>(rule: &'a BodyRule, name: &'a str) -> Result<&'a str, BodyRefusal> {
    let alias = rule.aliases.get(name).or_else(|| rule.aliases.get(bare(name)));
    let sent = alias.map_or(name, String::as_str);
    let is_allowed = rule.models.is_empty() || rule.models.iter().any(|allowed| is_meant(allowed, sent));
    is_allowed.then_some(sent).ok_or_else(|| BodyRefusal::model(name))
}

/// Segments of a path that no template could read as others.
fn is_path_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,=@".contains(&b);
    name.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(fits))
}
