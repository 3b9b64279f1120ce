//! Which of a proxy's body rules holds for a call.

use std::sync::{Arc, LazyLock};

use super::{BodyRule, Changes};
use crate::body_fields::BodyFields;
use crate::catalogue;
use crate::path::{PathTemplate, RequestPath};
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

    /// `path` is the upstream path.
    pub fn ruling(&self, provider: &str, method: &str, path: &RequestPath) -> Option<Ruling> {
        let known = catalogue::body_fields(provider, method, path);
        let named = self.named.iter().filter(|(of, template, _)| of == method && template.matches(path).is_some());
        let named = named.max_by_key(|(_, template, _)| template.specificity());
        let (rule, fields) = match (named, &self.general) {
            (Some((_, _, rule)), _) => (rule, known.unwrap_or(&CHAT_LIKE)),
            (None, Some(rule)) => (rule, known?),
            (None, None) => return None,
        };
        (!rule.is_idle()).then(|| Ruling { rule: rule.clone(), fields })
    }
}

impl Changes {
    pub fn is_none(&self) -> bool {
        self.edits.is_empty() && self.model_in_path.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(endpoint: Option<&str>, most: u64) -> BodyRule {
        BodyRule { endpoint: endpoint.map(str::to_owned), max_messages: Some(most), ..BodyRule::default() }
    }

    fn ruled(rules: &[BodyRule], provider: &str, method: &str, path: &str) -> Option<u64> {
        let path = RequestPath::parse(path).expect("a path");
        BodyRules::compile(rules).expect("rules").ruling(provider, method, &path)?.rule.max_messages
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
            ("POST", "/v1/threads/t/messages", Some(4)),
            ("POST", "/v1/files", None),
            ("GET", "/v1/responses", None),
        ] {
            assert_eq!(ruled(&rules, "openai", method, path), want, "{method} {path}");
        }
        assert_eq!(ruled(&rules, "custom", "POST", "/v1/responses"), Some(2));
        assert_eq!(ruled(&rules, "custom", "POST", "/v1/chat/completions"), None);
    }

    #[test]
    fn a_rule_that_asks_nothing_lets_the_body_stream() {
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
