//! What the users of a plan may call at one proxy, as a form sends it: less than the proxy allows, never more or other.

use std::collections::BTreeSet;

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
    /// By the names of the proxy's rules; they count with `AccessScope::Chosen`.
    pub endpoints: Vec<String>,
    /// Allowed models, one a line.
    pub models: String,
    pub max_output_tokens: String,
    pub max_choices: String,
    pub max_messages: String,
    pub max_chars: String,
    pub tools: ToolsChoice,
}

/// The proxy whose calls a plan allows less of.
#[derive(Clone, Copy)]
pub struct NarrowedProxy<'a> {
    pub provider: &'a Provider,
    pub opened: &'a [EndpointRule],
    pub bodies: &'a [BodyRule],
}

impl NarrowedProxy<'_> {
    /// Of an API that the catalogue does not know, only bodies are that a rule of the proxy names.
    pub fn knows_bodies(&self) -> bool {
        !self.provider.body_fields.is_empty() || self.bodies.iter().any(|rule| rule.endpoint.is_some())
    }
}

impl PlanAccessForm {
    pub fn of(at: &PlanAtProxy) -> Self {
        let (scope, endpoints) = match &at.endpoints {
            None => (AccessScope::All, Vec::new()),
            Some(chosen) if chosen.is_empty() => (AccessScope::Nothing, Vec::new()),
            Some(chosen) => (AccessScope::Chosen, chosen.iter().cloned().collect()),
        };
        let body = BodyRuleForm::of(&at.body);
        Self {
            scope,
            endpoints,
            models: body.models,
            max_output_tokens: body.max_output_tokens,
            max_choices: body.max_choices,
            max_messages: body.max_messages,
            max_chars: body.max_chars,
            tools: body.tools,
        }
    }

    pub fn read(&self, proxy: NarrowedProxy<'_>) -> Result<PlanAtProxy, FieldError> {
        let endpoints = match self.scope {
            AccessScope::All => None,
            AccessScope::Nothing => Some(BTreeSet::new()),
            AccessScope::Chosen => Some(self.chosen(proxy.opened)?),
        };
        Ok(PlanAtProxy { endpoints, body: self.body(proxy)? })
    }

    fn chosen(&self, opened: &[EndpointRule]) -> Result<BTreeSet<String>, FieldError> {
        let is_open = |name: &&String| opened.iter().any(|rule| rule.name() == **name);
        if let Some(gone) = self.endpoints.iter().find(|name| !is_open(name)) {
            let gone: String = gone.chars().filter(|c| !is_hidden(*c)).take(100).collect();
            let reason = format!("{gone} is not one of the proxy’s endpoints any more; reload the page");
            return Err(FieldError::new("endpoints", reason));
        }
        if self.endpoints.is_empty() {
            return Err(FieldError::new("endpoints", "choose an endpoint, or that nothing may be called"));
        }
        Ok(self.endpoints.iter().cloned().collect())
    }

    fn body(&self, proxy: NarrowedProxy<'_>) -> Result<BodyRule, FieldError> {
        if self.asks_for_nothing() {
            return Ok(BodyRule::default());
        }
        if !proxy.knows_bodies() {
            let reason = "of this API no body is known; add a body rule that names the endpoint to the proxy first";
            return Err(FieldError::new("", reason));
        }
        // Any endpoint that the catalogue does not know stands for those that the proxy's rules name.
        let stand_in = if proxy.provider.body_fields.is_empty() { "POST /any" } else { "" };
        let rule = self.body_form(stand_in)?.read(proxy.provider, proxy.opened)?;
        if !rule.aliases.is_empty() {
            let reason = "other names for models are the proxy’s own; here, name the models themselves";
            return Err(FieldError::new("models", reason));
        }
        Ok(BodyRule { endpoint: None, ..rule })
    }

    fn body_form(&self, endpoint: &str) -> Result<BodyRuleForm, FieldError> {
        let tools = match self.tools {
            ToolsChoice::Any | ToolsChoice::None => self.tools,
            ToolsChoice::Only => {
                return Err(FieldError::new("tools", "a plan allows all tools of the proxy, or none"));
            }
        };
        Ok(BodyRuleForm {
            endpoint: endpoint.to_owned(),
            models: self.models.clone(),
            max_output_tokens: self.max_output_tokens.clone(),
            max_choices: self.max_choices.clone(),
            max_messages: self.max_messages.clone(),
            max_chars: self.max_chars.clone(),
            tools,
            ..BodyRuleForm::default()
        })
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

    fn at(provider: &str, form: &PlanAccessForm, bodies: &[BodyRule]) -> Result<PlanAtProxy, &'static str> {
        let provider = catalogue::provider(provider).expect("in the catalogue");
        form.read(NarrowedProxy { provider, opened: &opened(), bodies }).map_err(|fault| fault.field)
    }

    fn chosen(names: &[&str]) -> PlanAccessForm {
        let endpoints = names.iter().map(|name| (*name).to_owned()).collect();
        PlanAccessForm { scope: AccessScope::Chosen, endpoints, ..PlanAccessForm::default() }
    }

    #[test]
    fn what_is_written_reads_back() {
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
            let at = at("openai", &form, &[]).expect("fine");
            assert_eq!(PlanAccessForm::of(&at), form);
        }
        assert_eq!(at("openai", &PlanAccessForm::default(), &[]), Ok(PlanAtProxy::default()));
    }

    #[test]
    fn refuses_fields_by_name() {
        let blank = PlanAccessForm::default;
        for (form, field) in [
            (chosen(&[]), "endpoints"),
            (chosen(&["GET /v1/models", "DELETE /v1/models"]), "endpoints"),
            (PlanAccessForm { models: "fast = gpt-4o-mini".to_owned(), ..blank() }, "models"),
            (PlanAccessForm { models: "gpt 4".to_owned(), ..blank() }, "models"),
            (PlanAccessForm { models: "# none".to_owned(), ..blank() }, ""),
            (PlanAccessForm { max_chars: "many".to_owned(), ..blank() }, "max_chars"),
            (PlanAccessForm { tools: ToolsChoice::Only, ..blank() }, "tools"),
        ] {
            assert_eq!(at("openai", &form, &[]), Err(field), "{form:?}");
        }
    }

    #[test]
    fn sizes_hold_where_bodies_are_known() {
        let form = PlanAccessForm { max_chars: "10".to_owned(), ..PlanAccessForm::default() };
        assert_eq!(at("custom", &form, &[]), Err(""), "every call would be refused");
        let named = BodyRule { endpoint: Some("POST /chat".to_owned()), ..BodyRule::default() };
        let kept = at("custom", &form, &[named]).expect("fine").body;
        assert_eq!(kept, BodyRule { max_chars: Some(10), ..BodyRule::default() });
    }
}
