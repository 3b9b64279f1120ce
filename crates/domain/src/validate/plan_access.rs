//! What the users of a plan may call at one proxy, as a form sends it: less than the proxy allows, never more or other.

use serde::{Deserialize, Serialize};

use super::body_form::{BodyRuleForm, ToolsChoice};
use super::{FieldError, is_hidden};
use crate::body_rules::BodyRule;
use crate::policy::PlanAtProxy;
use crate::provider::Provider;
use crate::rules::EndpointRule;

/// Which of the proxy's endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessScope {
    #[default]
    All,
    Chosen,
    Nothing,
}

/// Every field as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanAccessForm {
    pub scope: AccessScope,
    /// `POST /v1/chat/completions`, each as the proxy has it; they count with `AccessScope::Chosen`.
    pub endpoints: Vec<String>,
    /// Where the rest holds; empty for every endpoint.
    pub endpoint: String,
    /// Allowed models, one a line.
    pub models: String,
    pub max_output_tokens: String,
    pub max_choices: String,
    pub max_messages: String,
    pub max_chars: String,
    pub tools: ToolsChoice,
}

/// As the form names it.
pub fn endpoint_name(rule: &EndpointRule) -> String {
    format!("{} {}", rule.method, rule.template)
}

impl PlanAccessForm {
    pub fn of(at: &PlanAtProxy) -> Self {
        let (scope, endpoints) = match at.endpoints.as_deref() {
            None => (AccessScope::All, Vec::new()),
            Some([]) => (AccessScope::Nothing, Vec::new()),
            Some(chosen) => (AccessScope::Chosen, chosen.iter().map(endpoint_name).collect()),
        };
        let body = at.bodies.first().map(BodyRuleForm::of).unwrap_or_default();
        Self {
            scope,
            endpoints,
            endpoint: body.endpoint,
            models: body.models,
            max_output_tokens: body.max_output_tokens,
            max_choices: body.max_choices,
            max_messages: body.max_messages,
            max_chars: body.max_chars,
            tools: body.tools,
        }
    }

    /// `opened` are the proxy's endpoints.
    pub fn read(&self, provider: &Provider, opened: &[EndpointRule]) -> Result<PlanAtProxy, FieldError> {
        let endpoints = match self.scope {
            AccessScope::All => None,
            AccessScope::Nothing => Some(Vec::new()),
            AccessScope::Chosen => Some(self.chosen(opened)?),
        };
        Ok(PlanAtProxy { endpoints, bodies: self.body(provider, opened)? })
    }

    /// In the proxy's order.
    fn chosen(&self, opened: &[EndpointRule]) -> Result<Vec<EndpointRule>, FieldError> {
        let is_open = |name: &&String| opened.iter().any(|rule| endpoint_name(rule) == **name);
        if let Some(gone) = self.endpoints.iter().find(|name| !is_open(name)) {
            let gone: String = gone.chars().filter(|c| !is_hidden(*c)).take(100).collect();
            let reason = format!("{gone} is not one of the proxy’s endpoints any more; reload the page");
            return Err(FieldError::new("endpoints", reason));
        }
        let chosen = opened.iter().filter(|rule| self.endpoints.contains(&endpoint_name(rule)));
        let chosen: Vec<EndpointRule> = chosen.cloned().collect();
        if chosen.is_empty() {
            return Err(FieldError::new("endpoints", "choose an endpoint, or that nothing may be called"));
        }
        Ok(chosen)
    }

    fn body(&self, provider: &Provider, opened: &[EndpointRule]) -> Result<Vec<BodyRule>, FieldError> {
        let form = BodyRuleForm {
            endpoint: self.endpoint.clone(),
            models: self.models.clone(),
            max_output_tokens: self.max_output_tokens.clone(),
            max_choices: self.max_choices.clone(),
            max_messages: self.max_messages.clone(),
            max_chars: self.max_chars.clone(),
            tools: match self.tools {
                ToolsChoice::Any => ToolsChoice::Any,
                ToolsChoice::None => ToolsChoice::None,
                ToolsChoice::Only => {
                    return Err(FieldError::new("tools", "a plan allows all tools of the proxy, or none"));
                }
            },
            ..BodyRuleForm::default()
        };
        if self.asks_for_nothing() {
            return Ok(Vec::new());
        }
        let rule = form.read(provider, opened)?;
        if !rule.aliases.is_empty() {
            let reason = "other names for models are the proxy’s own; here, name the models themselves";
            return Err(FieldError::new("models", reason));
        }
        // Such as a model behind a #: it would hold nobody back.
        Ok(Some(rule).filter(BodyRule::restricts).into_iter().collect())
    }

    fn asks_for_nothing(&self) -> bool {
        let texts = [&self.models, &self.max_output_tokens, &self.max_choices, &self.max_messages, &self.max_chars];
        self.tools == ToolsChoice::Any && texts.into_iter().all(|text| text.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use serde_json::json;

    fn opened() -> Vec<EndpointRule> {
        let rules = json!([
            {"method": "GET", "template": "/v1/models"},
            {"method": "POST", "template": "/v1/chat/completions", "headers": ["openai-beta"]},
        ]);
        serde_json::from_value(rules).expect("rules")
    }

    fn chosen(names: &[&str]) -> PlanAccessForm {
        let endpoints = names.iter().map(|name| (*name).to_owned()).collect();
        PlanAccessForm { scope: AccessScope::Chosen, endpoints, ..PlanAccessForm::default() }
    }

    #[test]
    fn what_is_written_reads_back() {
        let openai = catalogue::provider("openai").expect("in the catalogue");
        for form in [
            PlanAccessForm::default(),
            PlanAccessForm { scope: AccessScope::Nothing, ..PlanAccessForm::default() },
            PlanAccessForm {
                models: "gpt-4o-mini\n".to_owned(),
                max_output_tokens: "500".to_owned(),
                tools: ToolsChoice::None,
                ..chosen(&["POST /v1/chat/completions"])
            },
        ] {
            let at = form.read(openai, &opened()).expect("fine");
            assert_eq!(PlanAccessForm::of(&at), form);
        }
        let at = chosen(&["POST /v1/chat/completions"]).read(openai, &opened()).expect("fine");
        assert_eq!(at.endpoints.as_deref(), Some(&opened()[1..]), "with its headers");
        assert_eq!(PlanAccessForm::default().read(openai, &opened()), Ok(PlanAtProxy::default()));
    }

    #[test]
    fn refuses_fields_by_name() {
        let (openai, custom) = (catalogue::provider("openai"), catalogue::provider("custom"));
        let (openai, custom) = (openai.expect("in the catalogue"), custom.expect("in the catalogue"));
        let blank = PlanAccessForm::default;
        for (provider, form, field) in [
            (openai, chosen(&[]), "endpoints"),
            (openai, chosen(&["GET /v1/models", "DELETE /v1/models"]), "endpoints"),
            (openai, PlanAccessForm { models: "fast = gpt-4o-mini".to_owned(), ..blank() }, "models"),
            (openai, PlanAccessForm { models: "gpt 4".to_owned(), ..blank() }, "models"),
            (openai, PlanAccessForm { max_chars: "many".to_owned(), ..blank() }, "max_chars"),
            (openai, PlanAccessForm { tools: ToolsChoice::Only, ..blank() }, "tools"),
            (custom, PlanAccessForm { max_chars: "10".to_owned(), ..blank() }, "endpoint"),
        ] {
            assert_eq!(form.read(provider, &opened()).expect_err("refused").field, field, "{form:?}");
        }
        let named = PlanAccessForm { max_chars: "10".to_owned(), endpoint: "POST /chat".to_owned(), ..blank() };
        assert!(named.read(custom, &opened()).is_ok());
    }
}
