//! What the catalogue knows of the fields in a request's body: where an endpoint takes its model, its limits, its tools.
//! Says where a field stands, never what it may hold.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::iter::Skip;
use std::str::Split;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::endpoint_table::EndpointTable;
use crate::path::{ParseTemplateError, PathTemplate, RequestPath};

/// One endpoint's fields. All places are JSON pointers in which `*` is every element or member; of a form, `/name` is the
/// field of that name. An absent place means that the endpoint has no such field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyFields {
    pub method: String,
    /// As in `EndpointRule`; `{model}` names the model where the path does.
    pub template: String,
    /// `None` where the path names the model, or there is none.
    #[serde(default)]
    pub model: Option<String>,
    /// Further places that name a model which may work for this call: fallbacks, a tool's own model.
    #[serde(default)]
    pub other_models: Vec<String>,
    /// The query parameter that names the model.
    #[serde(default)]
    pub model_query: Option<String>,
    /// Each of these limits the tokens of an answer; the first is the one to set when none is there.
    #[serde(default)]
    pub max_output: Vec<String>,
    /// How many answers are made (`n`).
    #[serde(default)]
    pub choices: Option<String>,
    /// Further numbers of answers that are made and paid for (`best_of`).
    #[serde(default)]
    pub other_choices: Vec<String>,
    /// The conversation: an array, or one text.
    #[serde(default)]
    pub messages: Option<String>,
    /// Everywhere that instructions above the user's may stand; the first is the one to set.
    #[serde(default)]
    pub system: Vec<SystemField>,
    #[serde(default)]
    pub tools: Vec<ToolsField>,
    /// Output modalities: an array of names.
    #[serde(default)]
    pub modalities: Option<String>,
    /// The fields by which the provider tells an app's users apart; the first is the one to set, the others are older
    /// names of it.
    #[serde(default)]
    pub end_user: Vec<String>,
    #[serde(default)]
    pub names: MemberNames,
    /// Members that bring in what no rule can read, or that take the place of what a rule reads: stored prompts,
    /// templates, calls within the call.
    #[serde(default)]
    pub unruled: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SystemField {
    /// Messages of these roles within the array; a new one stands first, with the first role.
    Role { pointer: String, roles: Vec<String> },
    /// The same in messages that are kept for later calls: none is set there, as each of those calls gets its own.
    KeptRole { pointer: String, roles: Vec<String> },
    /// A field of its own.
    Field { pointer: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolsField {
    pub pointer: String,
    pub types: ToolTypes,
}

/// How a tool says which type it is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToolTypes {
    /// An array of objects with this member; `absent` is the type of one without it.
    Member { name: String, absent: Option<String> },
    /// An array of objects whose members' names are types (Gemini); in the spelling of the catalogue, camelCase.
    Keys,
    /// That the field is there at all turns a tool of this type on.
    Always { name: String },
    /// A name, of a model, whose ending turns a tool of this type on.
    Suffix { suffix: String, name: String },
}

/// Whether an API takes a member under one name only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberNames {
    #[default]
    Exact,
    /// `maxOutputTokens` and `max_output_tokens` are the same (Google's JSON).
    EitherCase,
}

impl BodyFields {
    /// Where in this body the field stands: concrete pointers, none, one, or several where the body spells it twice or
    /// the place has a `*`. What stands there may be null.
    pub fn places<'a>(&self, body: &'a Value, pointer: &'a str) -> Vec<Cow<'a, str>> {
        self.found(body, pointer).into_iter().map(|(at, _)| at).collect()
    }

    /// The same, with what stands there. Of a field that is not there, which most are not, nothing is allocated.
    pub fn found<'a>(&self, body: &'a Value, pointer: &'a str) -> Vec<(Cow<'a, str>, &'a Value)> {
        if self.names == MemberNames::Exact
            && let Some(exact) = exactly(body, pointer)
        {
            return exact.map(|value| (Cow::Borrowed(pointer), value)).into_iter().collect();
        }
        let mut found = Vec::new();
        self.gather((&mut String::new(), body), pointer.split('/').skip(1), &mut found);
        found
    }

    /// The members of the body, or the fields of a form, below which all of these places lie.
    pub fn top_members(&self) -> BTreeSet<&str> {
        self.pointers().filter_map(|pointer| pointer.split('/').nth(1)).collect()
    }

    /// Whether a member has one of those names but for its case. It may be told wrongly that one has, never that none has.
    pub(crate) fn may_mistake(&self, members: &Map<String, Value>) -> bool {
        self.pointers().any(|pointer| members.keys().any(|name| begins_nearly(pointer, name)))
    }

    fn pointers(&self) -> impl Iterator<Item = &String> {
        let system = self.system.iter().map(|field| match field {
            SystemField::Role { pointer, .. }
            | SystemField::KeptRole { pointer, .. }
            | SystemField::Field { pointer } => pointer,
        });
        let single = [&self.model, &self.choices, &self.messages, &self.modalities].into_iter().flatten();
        let several = [&self.other_models, &self.max_output, &self.other_choices, &self.end_user, &self.unruled];
        let tools = self.tools.iter().map(|field| &field.pointer);
        single.chain(several.into_iter().flatten()).chain(system).chain(tools)
    }

    /// Those of them that hold a whole number.
    pub fn number_members(&self) -> BTreeSet<&str> {
        let numbers = self.max_output.iter().chain(&self.choices).chain(&self.other_choices);
        numbers.filter_map(|pointer| pointer.split('/').nth(1)).collect()
    }

    /// The models that the body names beside the one it asks for.
    pub fn named_models<'a>(&'a self, body: &'a Value) -> impl Iterator<Item = &'a str> {
        self.other_models.iter().flat_map(|pointer| self.values(body, pointer)).filter_map(Value::as_str)
    }

    /// What stands at all of these places.
    pub fn values<'a>(&self, body: &'a Value, pointer: &'a str) -> Vec<&'a Value> {
        self.found(body, pointer).into_iter().map(|(_, value)| value).collect()
    }

    /// The model that the body asks for, where it has one place.
    pub fn own_model<'a>(fields: Option<&Self>, body: &'a Value) -> Option<&'a str> {
        // Of an endpoint that the catalogue does not know, the usual place.
        let pointer = fields.and_then(|fields| fields.model.as_deref()).unwrap_or("/model");
        exactly(body, pointer).unwrap_or_else(|| body.pointer(pointer))?.as_str()
    }

    /// `at` is where the value stands, and is left as it was.
    fn gather<'a>(
        &self,
        (at, value): (&mut String, &'a Value),
        mut rest: Skip<Split<'_, char>>,
        found: &mut Vec<(Cow<'a, str>, &'a Value)>,
    ) {
        let Some(wanted) = rest.next() else {
            found.push((Cow::Owned(at.clone()), value));
            return;
        };
        let mut descend = |name: &str, below: &'a Value| {
            let length = at.len();
            at.push('/');
            at.push_str(name);
            self.gather((at, below), rest.clone(), found);
            at.truncate(length);
        };
        match value {
            Value::Object(members) => {
                for (name, below) in members.iter().filter(|(name, _)| self.is_meant(name, wanted)) {
                    descend(&escaped(name), below);
                }
            }
            Value::Array(items) if wanted == "*" => {
                items.iter().enumerate().for_each(|(index, below)| descend(&index.to_string(), below));
            }
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn is_meant(&self, name: &str, wanted: &str) -> bool {
        match self.names {
            _ if wanted == "*" || name == wanted => true,
            MemberNames::Exact => false,
            MemberNames::EitherCase => name.contains('_') && camel_case(name) == wanted,
        }
    }
}

/// What stands at a pointer that names members alone, each as it is written; `None` of any other pointer.
fn exactly<'a>(body: &'a Value, pointer: &str) -> Option<Option<&'a Value>> {
    let names = pointer.strip_prefix('/')?;
    let is_other = |byte: u8| byte == b'*' || byte == b'~' || byte.is_ascii_digit();
    let mut has_parts = false;
    for byte in names.bytes() {
        if is_other(byte) {
            return None;
        }
        has_parts |= byte == b'/';
    }
    if !has_parts {
        return Some(body.as_object().and_then(|members| members.get(names)));
    }
    Some(names.split('/').try_fold(body, |value, name| value.as_object()?.get(name)))
}

/// Whether a pointer's first part is this name, in any case but its own.
fn begins_nearly(pointer: &str, name: &str) -> bool {
    let Some((first, rest)) = pointer.as_bytes().get(1..).and_then(|text| text.split_at_checked(name.len())) else {
        return false;
    };
    matches!(rest.first(), None | Some(b'/')) && first != name.as_bytes() && first.eq_ignore_ascii_case(name.as_bytes())
}

/// RFC 6901.
fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}

/// `max_output_tokens` as `maxOutputTokens`, by protobuf's rule for names in JSON.
pub fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut camel, part| {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
        camel
    })
}

/// One provider's endpoints, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct BodyFieldsTable(EndpointTable<BodyFields>);

impl BodyFieldsTable {
    pub fn compile(fields: &[BodyFields]) -> Result<Self, ParseTemplateError> {
        let mut table = EndpointTable::default();
        for fields in fields {
            table.add(&fields.method, PathTemplate::parse(&fields.template)?, fields.clone());
        }
        Ok(Self(table))
    }

    /// `path` is the upstream path, however the developer's own rule for it is written.
    pub fn find(&self, method: &str, path: &RequestPath) -> Option<&BodyFields> {
        self.matching(method, path).map(|(fields, _)| fields)
    }

    pub fn model_in_path(&self, method: &str, path: &RequestPath) -> Option<String> {
        let (_, template) = self.matching(method, path)?;
        template.matches(path)?.get("model").map(str::to_owned)
    }

    pub fn matching(&self, method: &str, path: &RequestPath) -> Option<(&BodyFields, &PathTemplate)> {
        self.0.find(method, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(names: MemberNames) -> BodyFields {
        BodyFields { names, ..BodyFields::default() }
    }

    #[test]
    fn a_field_is_found_wherever_the_api_would_read_it() {
        let body = json!({"a": {"b": 1}, "list": [{"m": "x"}, {"m": null}, {}, 3], "~/": 1});
        for (pointer, want) in [
            ("/a/b", vec!["/a/b"]),
            ("/a/c", vec![]),
            ("/a/b/c", vec![]),
            ("/list/*/m", vec!["/list/0/m", "/list/1/m"]),
            ("/list/m", vec![]),
        ] {
            assert_eq!(fields(MemberNames::Exact).places(&body, pointer), want, "{pointer}");
        }
        assert_eq!(fields(MemberNames::Exact).values(&body, "/list/*/m"), [&json!("x"), &Value::Null]);
    }

    #[test]
    fn googles_json_has_two_names_for_everything() {
        let body = json!({"generation_config": {"maxOutputTokens": 5}, "generationConfig": {"max_output_tokens": 9}});
        let pointer = "/generationConfig/maxOutputTokens";
        let mut places = fields(MemberNames::EitherCase).places(&body, pointer);
        places.sort_unstable();
        assert_eq!(places, ["/generationConfig/max_output_tokens", "/generation_config/maxOutputTokens"]);
        assert!(fields(MemberNames::Exact).places(&body, pointer).is_empty());
    }
}
