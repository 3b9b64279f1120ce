//! Which of a proxy's body rules holds for a call.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use super::{BodyRefusal, BodyRule, EndUser, SystemPrompt, Tools, models};
use crate::body_fields::BodyFields;
use crate::catalogue::{self, FieldsAt};
use crate::model_lists::Maker;
use crate::path::{PathTemplate, RequestPath};
use crate::query::Query;
use crate::rules::METHODS;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyRuleError {
    #[error("{0:?} is not an endpoint; write a method and a path, such as POST /v1/chat/completions")]
    Endpoint(String),
    #[error("there are two rules for {0}")]
    Twice(String),
}

/// A proxy's body rules, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct BodyRules {
    named: Vec<(String, PathTemplate, Arc<BodyRule>)>,
    general: Option<Arc<BodyRule>>,
}

/// The rule that holds for a call, and where its fields stand.
#[derive(Clone, Debug)]
pub struct Ruling {
    pub rule: Arc<BodyRule>,
    pub fields: &'static BodyFields,
    /// Matches the call; its `{model}` names the model.
    pub template: Cow<'static, PathTemplate>,
}

/// Of endpoints that the catalogue does not know and a developer named: the fields of a chat.
static CHAT_LIKE: LazyLock<BodyFields> = LazyLock::new(|| {
    let path = RequestPath::parse("/v1/chat/completions").expect("a path");
    let known = catalogue::body_fields("openai", "POST", &path).expect("a test asks for it");
    // Others than OpenAI know the older name.
    BodyFields { max_output: vec!["/max_tokens".to_owned(), "/max_completion_tokens".to_owned()], ..known.clone() }
});

/// `POST /v1/chat/completions`
pub fn endpoint(text: &str) -> Result<(String, PathTemplate), BodyRuleError> {
    let wrong = || BodyRuleError::Endpoint(text.to_owned());
    let (method, template) = text.trim().split_once(' ').ok_or_else(wrong)?;
    // Nothing else has a body that is passed on.
    let is_method = METHODS.contains(&method) && !matches!(method, "GET" | "HEAD");
    let template = PathTemplate::parse(template.trim()).map_err(|_| wrong())?;
    is_method.then(|| (method.to_owned(), template)).ok_or_else(wrong)
}

impl BodyRules {
    /// All of them or none: a rule that can't be read might be the one that forbids.
    pub fn compile(rules: &[BodyRule]) -> Result<Self, BodyRuleError> {
        let mut compiled = Self::default();
        for rule in rules {
            let rule = Arc::new(rule.clone());
            match &rule.endpoint {
                None if compiled.general.is_some() => return Err(BodyRuleError::Twice("all endpoints".to_owned())),
                None => compiled.general = Some(rule),
                Some(text) => {
                    let (method, template) = endpoint(text)?;
                    if compiled.named.iter().any(|(other, known, _)| *other == method && *known == template) {
                        return Err(BodyRuleError::Twice(text.clone()));
                    }
                    compiled.named.push((method, template, rule));
                }
            }
        }
        Ok(compiled)
    }

    /// The rule by which the body must be read, if one must. `path` is the upstream path.
    pub fn ruling(&self, provider: &str, method: &str, path: &RequestPath) -> Result<Option<Ruling>, BodyRefusal> {
        Ok(self.holding(provider, method, path)?.filter(Ruling::concerns_the_body))
    }

    /// Whether a client may know of a model: of any that a rule lists; where none lists any, of all that the provider made.
    pub fn shows(&self, name: &str, maker: Maker) -> bool {
        let rules = self.named.iter().map(|(_, _, rule)| rule).chain(&self.general);
        let mut lists = rules.map(|rule| &rule.models).filter(|models| !models.is_empty()).peekable();
        match maker {
            Maker::Provider => lists.peek().is_none() || lists.flatten().any(|line| models::is_meant(line, name)),
            Maker::Account => lists.flatten().any(|line| line != "*" && models::is_meant(line, name)),
        }
    }

    /// The query parameter that names the model, and the name to send, where that is not what the client wrote.
    pub fn model_in_query(
        &self,
        provider: &str,
        (method, path): (&str, &RequestPath),
        query: &Query,
    ) -> Result<Option<(&'static str, String)>, BodyRefusal> {
        self.holding(provider, method, path)?.map_or(Ok(None), |ruling| ruling.model_in_query(query))
    }

    pub(super) fn holding(
        &self,
        provider: &str,
        method: &str,
        path: &RequestPath,
    ) -> Result<Option<Ruling>, BodyRefusal> {
        self.holding_at(catalogue::body_fields_at(provider, method, path), provider, (method, path))
    }

    /// The rule that holds, whatever it is about; `known` is what the catalogue says of this call.
    pub fn holding_at(
        &self,
        known: Option<FieldsAt>,
        provider: &str,
        (method, path): (&str, &RequestPath),
    ) -> Result<Option<Ruling>, BodyRefusal> {
        let named = self.named.iter().filter(|(of, template, _)| of == method && template.fits(path));
        let named = named.max_by(|(_, one, _), (_, other, _)| one.more_specific(other));
        let Some(rule) = named.map(|(_, _, rule)| rule).or(self.general.as_ref()).cloned() else { return Ok(None) };
        let (fields, template) = match (known, named) {
            (Some((fields, template)), _) => (fields, Cow::Borrowed(template)),
            (None, Some((_, template, _))) => (&*CHAT_LIKE, Cow::Owned(template.clone())),
            (None, None) => {
                let is_harmless = !has_body(method) || catalogue::is_known(provider, method, path);
                return if is_harmless || !rule.restricts() { Ok(None) } else { Err(BodyRefusal::UnknownFields) };
            }
        };
        Ok(Some(Ruling { rule, fields, template }))
    }
}

/// To read and to delete, nothing is said in a body.
fn has_body(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "DELETE")
}

impl Ruling {
    /// The query parameter that names the model, and the name to send, where that is not what the client wrote.
    pub fn model_in_query(&self, query: &Query) -> Result<Option<(&'static str, String)>, BodyRefusal> {
        let Some(param) = self.fields.model_query.as_deref() else { return Ok(None) };
        let asked = query.get(param);
        let sent = models::in_query(&self.rule, asked)?;
        Ok(sent.filter(|sent| Some(*sent) != asked).map(|sent| (param, sent.to_owned())))
    }

    /// Whether anything that the rule says is about a field that this endpoint has. Else the body streams.
    pub fn concerns_the_body(&self) -> bool {
        let Self { rule, fields, template } = self;
        let has_model = fields.model.is_some()
            || !fields.other_models.is_empty()
            || template.param_names().any(|(_, name)| name == "model");
        (has_model && !(rule.models.is_empty() && rule.aliases.is_empty()))
            || (rule.max_output_tokens.is_some() && !fields.max_output.is_empty())
            || (rule.max_choices.is_some() && (fields.choices.is_some() || !fields.other_choices.is_empty()))
            || (rule.tools != Tools::Any && !fields.tools.is_empty())
            || (rule.modalities.is_some() && fields.modalities.is_some())
            || (rule.max_messages.is_some() && fields.messages.is_some())
            // What the query says everything about takes bytes, such as sound.
            || (rule.max_chars.is_some() && (fields.messages.is_some() || fields.model_query.is_none()))
            || (rule.system_prompt != SystemPrompt::Free && !fields.system.is_empty())
            || (rule.end_user != EndUser::Free && !fields.end_user.is_empty())
            || (rule.restricts() && !fields.unruled.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(endpoint: Option<&str>, most: u64) -> BodyRule {
        BodyRule { endpoint: endpoint.map(str::to_owned), max_messages: Some(most), ..BodyRule::default() }
    }

    fn ruled_by(rules: &[BodyRule], path: &str) -> Option<Ruling> {
        BodyRules::compile(rules)
            .expect("rules")
            .ruling("openai", "POST", &RequestPath::parse(path).expect("a path"))
            .expect("known")
    }

    fn ruled(rules: &[BodyRule], provider: &str, method: &str, path: &str) -> Option<u64> {
        let path = RequestPath::parse(path).expect("a path");
        BodyRules::compile(rules).expect("rules").ruling(provider, method, &path).ok()??.rule.max_messages
    }

    #[test]
    fn the_rule_that_names_the_endpoint_counts_alone() {
        let rules = [
            rule(None, 1),
            rule(Some("POST /v1/responses"), 2),
            rule(Some("POST /v1/threads/{id}/runs"), 3),
            rule(Some("POST /v1/threads/{id}/{anything}"), 4),
        ];
        for (method, path, want) in [
            ("POST", "/v1/chat/completions", Some(1)),
            ("POST", "/v1/responses", Some(2)),
            ("POST", "/v1/threads/t/runs", Some(3)),
            ("POST", "/v1/threads/t/other", Some(4)),
            ("POST", "/v1/files", None),
            ("GET", "/v1/responses", None),
        ] {
            assert_eq!(ruled(&rules, "openai", method, path), want, "{method} {path}");
        }
        assert_eq!(ruled(&rules, "custom", "POST", "/v1/responses"), Some(2));
        assert_eq!(ruled(&rules, "custom", "POST", "/v1/chat/completions"), None);
    }

    fn refusal(rules: &[BodyRule], provider: &str, method: &str, path: &str) -> Option<BodyRefusal> {
        let path = RequestPath::parse(path).expect("a path");
        BodyRules::compile(rules).expect("rules").ruling(provider, method, &path).err()
    }

    #[test]
    fn a_rule_that_restricts_is_not_void_where_nobody_knows_the_fields() {
        let general = [BodyRule { models: vec!["m".to_owned()], ..BodyRule::default() }];
        for (provider, method, path) in [
            ("openrouter", "POST", "/api/v1/messages"),
            ("groq", "POST", "/openai/v1/completions"),
            ("together", "POST", "/v1/images/edits"),
            ("openai", "PUT", "/v1/whatever"),
            ("custom", "POST", "/chat"),
        ] {
            let refused = refusal(&general, provider, method, path);
            assert_eq!(refused, Some(BodyRefusal::UnknownFields), "{provider} {method} {path}");
        }
        // Reviewed: nothing there takes what a rule restricts.
        for (method, path) in [
            ("POST", "/v1/files"),
            ("POST", "/v1/vector_stores/vs/search"),
            ("GET", "/v1/whatever"),
            ("DELETE", "/v1/whatever"),
        ] {
            assert_eq!(refusal(&general, "openai", method, path), None, "{method} {path}");
        }
        let order = [BodyRule { end_user: EndUser::Hashed, ..BodyRule::default() }];
        assert_eq!(refusal(&order, "groq", "POST", "/openai/v1/completions"), None);
    }

    #[test]
    fn a_rule_that_names_an_endpoint_opens_it() {
        let endpoint = Some("POST /openai/v1/completions".to_owned());
        let idle = BodyRule { endpoint: endpoint.clone(), ..BodyRule::default() };
        assert_eq!(refusal(&[rule(None, 1), idle], "groq", "POST", "/openai/v1/completions"), None);
        let named = BodyRule { endpoint, max_messages: Some(2), ..BodyRule::default() };
        assert_eq!(ruled(&[rule(None, 1), named], "groq", "POST", "/openai/v1/completions"), Some(2));
    }

    #[test]
    fn a_model_in_the_query_is_a_model_too() {
        let rule = |rule: BodyRule| BodyRules::compile(&[rule]).expect("rules");
        let aliases = [("fast".to_owned(), "nova-3".to_owned())].into();
        let rules = rule(BodyRule { models: vec!["nova-3".to_owned()], aliases, ..BodyRule::default() });
        let path = RequestPath::parse("/v1/listen").expect("a path");
        let asked =
            |query: &str| rules.model_in_query("deepgram", ("POST", &path), &Query::parse(query).expect("a query"));
        assert_eq!(asked("model=nova-3&language=en"), Ok(None));
        assert_eq!(asked("model=fast"), Ok(Some(("model", "nova-3".to_owned()))));
        assert_eq!(asked("model=nova-2"), Err(BodyRefusal::model("nova-2")));
        assert_eq!(asked("language=en"), Err(BodyRefusal::NoModel));
        // Sound streams all the same.
        assert!(rules.ruling("deepgram", "POST", &path).expect("known").is_none());
        let chars = rule(BodyRule { max_chars: Some(5), ..BodyRule::default() });
        assert!(chars.ruling("deepgram", "POST", &path).expect("known").is_none());
    }

    #[test]
    fn a_rule_that_asks_nothing_of_an_endpoint_lets_the_body_stream() {
        let clamp = BodyRule { max_output_tokens: Some(5), ..BodyRule::default() };
        assert!(ruled_by(std::slice::from_ref(&clamp), "/v1/audio/transcriptions").is_none());
        assert!(ruled_by(&[clamp], "/v1/responses").is_some());
        let idle = BodyRule { endpoint: Some("POST /v1/responses".to_owned()), ..BodyRule::default() };
        assert_eq!(ruled(&[rule(None, 1), idle], "openai", "POST", "/v1/responses"), None);
    }

    #[test]
    fn rules_that_cannot_be_read_are_no_rules_at_all() {
        for text in ["", "POST", "/v1/responses", "GET /v1/models", "FETCH /v1/x", "POST v1/x", "POST /v1/../x"] {
            let error = BodyRules::compile(&[rule(None, 1), rule(Some(text), 1)]).expect_err(text);
            assert_eq!(error, BodyRuleError::Endpoint(text.to_owned()));
        }
        let twice = [rule(Some("POST /v1/a"), 1), rule(Some("POST /v1/a"), 2)];
        assert!(BodyRules::compile(&twice).is_err());
        assert!(BodyRules::compile(&[rule(None, 1), rule(None, 2)]).is_err());
    }
}
