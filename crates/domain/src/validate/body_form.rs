//! A body rule as a form sends it, read into what is kept and written back into the form.

use serde::{Deserialize, Serialize};

use super::money::optional_number;
use super::{FieldError, body_rule, model_lines, name_list, parse_model_lines, parse_name_list};
use crate::body_rules::{BodyRule, EndUser, SystemPrompt, Tools};
use crate::provider::Provider;
use crate::rules::EndpointRule;

/// Every field as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyRuleForm {
    /// Empty for every endpoint.
    pub endpoint: String,
    /// Allowed models and aliases, one a line.
    pub models: String,
    pub max_output_tokens: String,
    pub max_choices: String,
    pub max_messages: String,
    pub max_chars: String,
    pub tools: ToolsChoice,
    /// Counts with `ToolsChoice::Only`.
    pub tool_types: String,
    pub modalities: String,
    pub system_prompt: PromptChoice,
    /// Counts with `PromptChoice::Pinned`.
    pub prompt: String,
    pub end_user: EndUser,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolsChoice {
    #[default]
    Any,
    None,
    Only,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptChoice {
    #[default]
    Free,
    Forbidden,
    Pinned,
}

impl BodyRuleForm {
    pub fn of(rule: &BodyRule) -> Self {
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let (tools, tool_types) = match &rule.tools {
            Tools::Any => (ToolsChoice::Any, String::new()),
            Tools::None => (ToolsChoice::None, String::new()),
            Tools::Only(types) => (ToolsChoice::Only, name_list(types)),
        };
        let (system_prompt, prompt) = match &rule.system_prompt {
            SystemPrompt::Free => (PromptChoice::Free, String::new()),
            SystemPrompt::Forbidden => (PromptChoice::Forbidden, String::new()),
            SystemPrompt::Pinned(text) => (PromptChoice::Pinned, text.clone()),
        };
        Self {
            endpoint: rule.endpoint.clone().unwrap_or_default(),
            models: model_lines(&rule.models, &rule.aliases),
            max_output_tokens: number(rule.max_output_tokens),
            max_choices: number(rule.max_choices),
            max_messages: number(rule.max_messages),
            max_chars: number(rule.max_chars),
            tools,
            tool_types,
            modalities: rule.modalities.as_deref().map(name_list).unwrap_or_default(),
            system_prompt,
            prompt,
            end_user: rule.end_user,
        }
    }

    /// `opened` are the proxy's endpoints.
    pub fn read(&self, provider: &Provider, opened: &[EndpointRule]) -> Result<BodyRule, FieldError> {
        let number = |field, text: &str| optional_number(text).map_err(|reason| FieldError::new(field, reason));
        let names = |field, text: &str| parse_name_list(text).map_err(|reason| FieldError::new(field, reason));
        let lines = parse_model_lines(&self.models).map_err(|error| FieldError::new("models", error.to_string()))?;
        let modalities = names("modalities", &self.modalities)?;
        let rule = BodyRule {
            endpoint: Some(self.endpoint.trim().to_owned()).filter(|endpoint| !endpoint.is_empty()),
            models: lines.models,
            aliases: lines.aliases,
            max_output_tokens: number("max_output_tokens", &self.max_output_tokens)?,
            max_choices: number("max_choices", &self.max_choices)?,
            tools: match self.tools {
                ToolsChoice::Any => Tools::Any,
                ToolsChoice::None => Tools::None,
                ToolsChoice::Only => Tools::Only(names("tool_types", &self.tool_types)?),
            },
            modalities: Some(modalities).filter(|names| !names.is_empty()),
            max_messages: number("max_messages", &self.max_messages)?,
            max_chars: number("max_chars", &self.max_chars)?,
            system_prompt: match self.system_prompt {
                PromptChoice::Free => SystemPrompt::Free,
                PromptChoice::Forbidden => SystemPrompt::Forbidden,
                PromptChoice::Pinned => SystemPrompt::Pinned(self.prompt.replace("\r\n", "\n")),
            },
            end_user: self.end_user,
        };
        body_rule(provider, opened, &rule).map_err(|fault| FieldError::new(fault.field, fault.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn what_is_written_reads_back() {
        let openai = catalogue::provider("openai").expect("in the catalogue");
        for form in [
            BodyRuleForm { models: "gpt-4o-mini\no4-*\nfast = gpt-4o-mini\n".to_owned(), ..BodyRuleForm::default() },
            BodyRuleForm {
                endpoint: "POST /v1/chat/completions".to_owned(),
                max_output_tokens: "500".to_owned(),
                tools: ToolsChoice::Only,
                tool_types: "function, web_search*".to_owned(),
                system_prompt: PromptChoice::Pinned,
                prompt: "Be kind.\nBe brief.".to_owned(),
                end_user: EndUser::Hashed,
                ..BodyRuleForm::default()
            },
        ] {
            let rule = form.read(openai, &[]).expect("fine");
            assert_eq!(BodyRuleForm::of(&rule), form);
        }
    }

    #[test]
    fn refuses_fields_by_name() {
        let openai = catalogue::provider("openai").expect("in the catalogue");
        let blank = BodyRuleForm { max_chars: "10".to_owned(), ..BodyRuleForm::default() };
        for (form, field) in [
            (BodyRuleForm { models: "gpt 4".to_owned(), ..blank.clone() }, "models"),
            (BodyRuleForm { max_choices: "two".to_owned(), ..blank.clone() }, "max_choices"),
            (BodyRuleForm { tools: ToolsChoice::Only, ..blank.clone() }, "tools"),
            (BodyRuleForm { system_prompt: PromptChoice::Pinned, ..blank.clone() }, "system_prompt"),
            (BodyRuleForm { endpoint: "POST /v1/nonesuch".to_owned(), ..blank }, "endpoint"),
            (BodyRuleForm::default(), ""),
        ] {
            assert_eq!(form.read(openai, &[]).expect_err("refused").field, field, "{form:?}");
        }
    }
}
