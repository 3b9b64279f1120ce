//! What may be said: how many messages, how much text, and who gives the instructions.

use serde_json::{Value, json};

use super::apply::{Call, Changes};
use super::{BodyRefusal, BodyRule, SystemPrompt};
use crate::body_fields::{MemberNames, SystemField};
use crate::json_edit::{Edit, place, quoted};

pub(super) fn check_sizes(rule: &BodyRule, call: &Call<'_>) -> Result<(), BodyRefusal> {
    if let (Some(most), Some(pointer)) = (rule.max_messages, &call.fields.messages) {
        let mut count = 0;
        for at in call.fields.places(call.body, pointer) {
            count += match call.body.pointer(&at).unwrap_or(&Value::Null) {
                Value::Null => 0,
                Value::Array(messages) => messages.len() as u64,
                Value::String(_) | Value::Object(_) => 1,
                Value::Bool(_) | Value::Number(_) => return Err(BodyRefusal::unreadable(&at)),
            };
        }
        if count > most {
            return Err(BodyRefusal::TooManyMessages { most });
        }
    }
    match rule.max_chars {
        Some(most) if text_chars("", call.body) > most => Err(BodyRefusal::TextTooLong { most }),
        Some(_) | None => Ok(()),
    }
}

/// All text wherever it stands; not what is nothing but the bytes of a picture, a sound or a file.
fn text_chars(member: &str, value: &Value) -> u64 {
    match value {
        Value::String(text) if is_encoded(member, text) => 0,
        Value::String(text) => text.chars().count() as u64,
        Value::Array(items) => items.iter().map(|item| text_chars(member, item)).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| text_chars(name, value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn is_encoded(member: &str, text: &str) -> bool {
    let encoded = match member {
        "data" | "b64_json" | "file_data" | "fileData" | "image_url" | "url" | "image" | "audio" => text,
        _ => return false,
    };
    let is_url = matches!(member, "image_url" | "url" | "image");
    let encoded = match encoded.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((_, encoded)) => encoded,
        None if is_url => return false,
        None => encoded,
    };
    encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b))
}

pub(super) fn check_system(rule: &BodyRule, call: &Call<'_>, changes: &mut Changes) -> Result<(), BodyRefusal> {
    let pinned = match &rule.system_prompt {
        SystemPrompt::Free => return Ok(()),
        SystemPrompt::Forbidden => None,
        SystemPrompt::Pinned(text) => Some(text),
    };
    for field in &call.fields.system {
        match field {
            SystemField::Role { pointer, roles } | SystemField::KeptRole { pointer, roles } => {
                has_no_role(call, pointer, roles)?;
            }
            SystemField::Field { pointer } => is_unset(call, pointer)?,
        }
    }
    let (Some(text), Some(first)) = (pinned, call.fields.system.first()) else { return Ok(()) };
    changes.edits.push(match first {
        SystemField::Field { pointer } => {
            let is_parts = call.fields.names == MemberNames::EitherCase;
            let value = if is_parts { json!({"parts": [{"text": text}]}) } else { json!(text) };
            call.set(pointer, value.to_string())?
        }
        SystemField::KeptRole { .. } => return Ok(()),
        SystemField::Role { pointer, roles } => {
            let at = call.fields.places(call.body, pointer).into_iter().next();
            let at = at.filter(|at| call.body.pointer(at).is_some_and(Value::is_array));
            let at = at.ok_or_else(|| BodyRefusal::unreadable(pointer))?;
            let role = roles.first().map_or("system", String::as_str);
            Edit::Prepend {
                place: place(&at),
                json: format!(r#"{{"role":{},"content":{}}}"#, quoted(role), quoted(text)),
            }
        }
    });
    Ok(())
}

fn has_no_role(call: &Call<'_>, pointer: &str, roles: &[String]) -> Result<(), BodyRefusal> {
    for at in call.fields.places(call.body, pointer) {
        // A single message where a list is expected is still a message.
        let value = call.body.pointer(&at).unwrap_or(&Value::Null);
        let messages = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for message in messages {
            match message.get("role").unwrap_or(&Value::Null) {
                Value::Null => {}
                Value::String(role) if roles.iter().any(|of| of.eq_ignore_ascii_case(role.trim())) => {
                    return Err(BodyRefusal::SystemPrompt);
                }
                Value::String(_) => {}
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(BodyRefusal::unreadable(&format!("{at}/role")));
                }
            }
        }
    }
    Ok(())
}

fn is_unset(call: &Call<'_>, pointer: &str) -> Result<(), BodyRefusal> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    let are_empty = call.fields.values(call.body, pointer).into_iter().all(is_empty);
    are_empty.then_some(()).ok_or(BodyRefusal::SystemPrompt)
}
