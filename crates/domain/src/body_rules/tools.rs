//! Which types of tools a call may bring, and which modalities of output it may ask for.

use serde_json::Value;

use super::apply::Call;
use super::{BodyRefusal, BodyRule, Tools, fits};
use crate::body_fields::{BodyFields, ToolTypes, ToolsField};

pub(super) fn check_tools(rule: &BodyRule, call: &Call<'_>) -> Result<(), BodyRefusal> {
    let allowed: &[String] = match &rule.tools {
        Tools::Any => return Ok(()),
        Tools::None => &[],
        Tools::Only(types) => types,
    };
    tool_types(call.fields, call.body)?.iter().try_for_each(|name| allow(allowed, name))
}

/// The types of all tools that a body brings, or turns on by choosing them.
pub fn tool_types(fields: &BodyFields, body: &Value) -> Result<Vec<String>, BodyRefusal> {
    let mut all = Vec::new();
    for field in &fields.tools {
        for (at, value) in fields.found(body, &field.pointer) {
            let types = types(field, value).ok_or_else(|| BodyRefusal::unreadable(&at))?;
            all.extend(types.into_iter().map(str::to_owned));
        }
    }
    add_chosen(body, &mut all)?;
    Ok(all)
}

fn allow(allowed: &[String], name: &str) -> Result<(), BodyRefusal> {
    let folded = folded(name);
    let is_allowed = allowed.iter().any(|line| fits(&self::folded(line), &folded));
    is_allowed.then_some(()).ok_or_else(|| BodyRefusal::tool(name))
}

/// Gemini spells its types in two ways, and a function is called something else there.
fn folded(name: &str) -> String {
    let name = name.replace('_', "").to_ascii_lowercase();
    if name == "functiondeclarations" { "function".to_owned() } else { name }
}

/// The types of all tools that this field brings; `None` when they can't be told.
fn types<'a>(field: &'a ToolsField, value: &'a Value) -> Option<Vec<&'a str>> {
    if let ToolTypes::Always { name } = &field.types {
        let is_off = matches!(value, Value::Null | Value::Bool(false)) || value.as_array().is_some_and(Vec::is_empty);
        return Some(if is_off { Vec::new() } else { vec![name] });
    }
    if let ToolTypes::Suffix { suffix, name } = &field.types {
        let is_on = value.as_str().is_some_and(|model| model.trim_end().ends_with(suffix));
        return Some(if is_on { vec![name] } else { Vec::new() });
    }
    if value.is_null() {
        return Some(Vec::new());
    }
    let mut types = Vec::new();
    for tool in value.as_array()? {
        let members = tool.as_object()?;
        match &field.types {
            ToolTypes::Member { name, absent } => types.push(match members.get(name) {
                None | Some(Value::Null) => absent.as_deref()?,
                Some(of) => of.as_str()?,
            }),
            ToolTypes::Keys => types.extend(members.keys().map(String::as_str)),
            ToolTypes::Always { name } | ToolTypes::Suffix { name, .. } => types.push(name),
        }
    }
    Some(types)
}

/// Words and types of a choice among the tools that are there, which bring no other.
const CHOICES: [&str; 6] = ["auto", "any", "none", "required", "tool", "allowed_tools"];

/// To choose a tool by its type may turn it on.
fn add_chosen(body: &Value, all: &mut Vec<String>) -> Result<(), BodyRefusal> {
    for member in ["tool_choice", "function_call"] {
        let Some(choice) = body.get(member) else { continue };
        if let (Value::Object(_), "function_call") = (choice, member) {
            all.push("function".to_owned());
        }
        let named = choice.get("type").or(choice.is_string().then_some(choice)).and_then(Value::as_str);
        all.extend(named.filter(|name| !CHOICES.contains(name)).map(str::to_owned));
        for list in ["/tools", "/allowed_tools/tools"] {
            for tool in choice.pointer(list).and_then(Value::as_array).into_iter().flatten() {
                let name = tool["type"].as_str().ok_or_else(|| BodyRefusal::unreadable(member))?;
                all.push(name.to_owned());
            }
        }
    }
    Ok(())
}

pub(super) fn check_modalities(rule: &BodyRule, call: &Call<'_>) -> Result<(), BodyRefusal> {
    let (Some(allowed), Some(pointer)) = (&rule.modalities, &call.fields.modalities) else { return Ok(()) };
    for (at, value) in call.fields.found(call.body, pointer) {
        let unreadable = || BodyRefusal::unreadable(&at);
        if value.is_null() {
            continue;
        }
        for item in value.as_array().ok_or_else(unreadable)? {
            let name = item.as_str().ok_or_else(unreadable)?;
            if !allowed.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return Err(BodyRefusal::modality(name));
            }
        }
    }
    Ok(())
}
