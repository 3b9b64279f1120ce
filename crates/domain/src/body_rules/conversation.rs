//! What may be said: how many messages, how much text, and who gives the instructions.

use serde_json::{Map, Value, json};

use super::apply::{Call, Changes, is_empty};
use super::{BodyRefusal, BodyRule, SystemPrompt};
use crate::body_fields::{MemberNames, SystemField};
use crate::json_edit::{Edit, place, quoted};

pub(super) fn check_sizes(rule: &BodyRule, call: &Call<'_>) -> Result<(), BodyRefusal> {
    if let (Some(most), Some(pointer)) = (rule.max_messages, &call.fields.messages) {
        let mut count = 0;
        for (at, value) in call.fields.found(call.body, pointer) {
            count += match value {
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
        Some(most) if text_chars(call.body) > most => Err(BodyRefusal::TextTooLong { most }),
        Some(_) | None => Ok(()),
    }
}

/// All text wherever it stands; not what is nothing but the bytes of a picture, a sound or a document.
fn text_chars(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.chars().count() as u64,
        Value::Array(items) => items.iter().map(text_chars).sum(),
        Value::Object(members) => {
            let is_text = |(name, value): &(&String, &Value)| !is_encoded(name, value, members);
            members.iter().filter(is_text).map(|(_, value)| text_chars(value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Whether a member can't be read as text by anyone: it, or the members beside it, say what it is the bytes of.
fn is_encoded(member: &str, value: &Value, beside: &Map<String, Value>) -> bool {
    let Value::String(text) = value else { return false };
    let is_url = matches!(member, "image_url" | "url" | "image");
    let is_bytes = matches!(member, "data" | "file_data" | "fileData" | "b64_json" | "audio");
    let url = text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let encoded = match url {
        Some((media_type, encoded)) if (is_url || is_bytes) && is_media(media_type) => encoded,
        None if is_bytes && (matches!(member, "b64_json" | "audio") || says_media(beside)) => text,
        Some(_) | None => return false,
    };
    encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b))
}

/// As Anthropic, Gemini, and OpenAI for sounds say it.
fn says_media(beside: &Map<String, Value>) -> bool {
    let said: Vec<&Value> =
        ["media_type", "mime_type", "mimeType"].into_iter().filter_map(|name| beside.get(name)).collect();
    let are_media = said.iter().all(|value| value.as_str().is_some_and(is_media));
    let is_sound = beside.get("format").and_then(Value::as_str).is_some_and(|format| SOUNDS.contains(&format));
    beside.get("type").is_none_or(|of| of != "text") && are_media && (is_sound || !said.is_empty())
}

const SOUNDS: [&str; 9] = ["wav", "mp3", "flac", "opus", "ogg", "aac", "m4a", "aiff", "pcm16"];

/// Not a vector graphic, which is words.
fn is_media(media_type: &str) -> bool {
    let is_picture = ["image/", "audio/", "video/"].iter().any(|kind| media_type.starts_with(kind));
    (is_picture && !media_type.contains("xml")) || media_type == "application/pdf"
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
            let first = call.fields.found(call.body, pointer).into_iter().next();
            let (at, _) =
                first.filter(|(_, value)| value.is_array()).ok_or_else(|| BodyRefusal::unreadable(pointer))?;
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
    for (at, value) in call.fields.found(call.body, pointer) {
        // A single message where a list is expected is still a message.
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
    let are_empty = call.fields.values(call.body, pointer).into_iter().all(is_empty);
    are_empty.then_some(()).ok_or(BodyRefusal::SystemPrompt)
}
