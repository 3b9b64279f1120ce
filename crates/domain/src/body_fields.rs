//! What the catalogue knows of the fields in a request's body: where an endpoint takes its model, its limits, its tools.
//! Says where a field stands, never what it may hold.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    pub fn places(&self, body: &Value, pointer: &str) -> Vec<String> {
        let mut places = vec![(String::new(), body)];
        for wanted in pointer.split('/').skip(1) {
            places = places.into_iter().flat_map(|(at, value)| self.below(&at, value, wanted)).collect();
        }
        places.into_iter().map(|(at, _)| at).collect()
    }

    /// The members of the body, or the fields of a form, below which all of these places lie.
    pub fn top_members(&self) -> BTreeSet<&str> {
        let system = self.system.iter().map(|field| match field {
            SystemField::Role { pointer, .. }
            | SystemField::KeptRole { pointer, .. }
            | SystemField::Field { pointer } => pointer,
        });
        let single = [&self.model, &self.choices, &self.messages, &self.modalities].into_iter().flatten();
        let several = [&self.other_models, &self.max_output, &self.other_choices, &self.end_user, &self.unruled];
        let tools = self.tools.iter().map(|field| &field.pointer);
        let pointers = single.chain(several.into_iter().flatten()).chain(system).chain(tools);
        pointers.filter_map(|pointer| pointer.split('/').nth(1)).collect()
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
    pub fn values<'a>(&self, body: &'a Value, pointer: &str) -> Vec<&'a Value> {
        self.places(body, pointer).iter().filter_map(|place| body.pointer(place)).collect()
    }

    fn below<'a>(&self, at: &str, value: &'a Value, wanted: &str) -> Vec<(String, &'a Value)> {
        let fits = |name: &str| match self.names {
            _ if wanted == "*" => true,
            MemberNames::Exact => name == wanted,
            MemberNames::EitherCase => name == wanted || camel_case(name) == wanted,
        };
        match value {
            Value::Object(members) => members
                .iter()
                .filter(|(name, _)| fits(name))
                .map(|(name, value)| (format!("{at}/{}", escaped(name)), value))
                .collect(),
            Value::Array(items) if wanted == "*" => {
                items.iter().enumerate().map(|(index, value)| (format!("{at}/{index}"), value)).collect()
            }
            Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        }
    }
}

/// RFC 6901.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
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
pub struct BodyFieldsTable(Vec<(BodyFields, PathTemplate)>);

impl BodyFieldsTable {
    pub fn compile(fields: &[BodyFields]) -> Result<Self, ParseTemplateError> {
        let compiled = |fields: &BodyFields| Ok((fields.clone(), PathTemplate::parse(&fields.template)?));
        fields.iter().map(compiled).collect::<Result<_, _>>().map(Self)
    }

    /// `path` is the upstream path, however the developer's own rule for it is written.
    pub fn find(&self, method: &str, path: &RequestPath) -> Option<&BodyFields> {
        self.matching(method, path).map(|(fields, _)| fields)
    }

    pub fn model_in_path(&self, method: &str, path: &RequestPath) -> Option<String> {
        let (_, template) = self.matching(method, path)?;
        template.matches(path)?.get("model").map(str::to_owned)
    }

    pub fn matching(&self, method: &str, path: &RequestPath) -> Option<&(BodyFields, PathTemplate)> {
        let fits = |(fields, template): &&(BodyFields, PathTemplate)| fields.method == method && template.fits(path);
        self.0.iter().filter(fits).max_by_key(|(_, template)| template.specificity())
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
