//! Body rules as a form gives them: nothing that would never hold, and nothing that a provider has no field for.

use super::FieldError;
use super::model_lines::{model_pattern, plain_name};
use crate::body_fields::BodyFields;
use crate::body_rules::{self, BodyRule, BodyRules, EndUser, SystemPrompt, Tools, fits};
use crate::path::PathTemplate;
use crate::provider::Provider;
use crate::rules::EndpointRule;

pub const MAX_BODY_RULES: usize = 50;
/// Larger than any model's answer or conversation.
const MAX_NUMBER: u64 = 100_000_000;
const MAX_PROMPT_CHARS: usize = 20_000;

/// The endpoints that a rule can name, as it names them. Of an API that the catalogue does not know, none.
pub fn body_endpoints(provider: &Provider) -> Vec<String> {
    provider.body_fields.iter().map(|fields| format!("{} {}", fields.method, fields.template)).collect()
}

/// All rules of a proxy together.
pub fn body_rules(
    provider: &Provider,
    opened: &[EndpointRule],
    rules: &[BodyRule],
) -> Result<Vec<BodyRule>, FieldError> {
    if rules.len() > MAX_BODY_RULES {
        return Err(FieldError::new("", format!("at most {MAX_BODY_RULES} rules")));
    }
    let rules: Vec<BodyRule> = rules.iter().map(|rule| body_rule(provider, opened, rule)).collect::<Result<_, _>>()?;
    BodyRules::compile(&rules).map_err(|error| FieldError::new("endpoint", error.to_string()))?;
    Ok(rules)
}

/// The rule to keep. `opened` are the proxy's endpoints.
pub fn body_rule(provider: &Provider, opened: &[EndpointRule], rule: &BodyRule) -> Result<BodyRule, FieldError> {
    let endpoint = rule.endpoint.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let reach = reach(provider, opened, endpoint.as_deref())?;
    let rule = BodyRule { endpoint, ..rule.clone() };
    models(&rule)?;
    for (field, number) in [
        ("max_output_tokens", rule.max_output_tokens),
        ("max_choices", rule.max_choices),
        ("max_messages", rule.max_messages),
        ("max_chars", rule.max_chars),
    ] {
        if number.is_some_and(|number| number == 0 || number > MAX_NUMBER) {
            return Err(FieldError::new(field, format!("enter a number from 1 to {MAX_NUMBER}, or nothing")));
        }
    }
    names(&rule)?;
    if let SystemPrompt::Pinned(text) = &rule.system_prompt {
        let length = text.trim().chars().count();
        if length == 0 || length > MAX_PROMPT_CHARS || text.contains('\0') {
            return Err(FieldError::new(
                "system_prompt",
                format!("write the prompt, in at most {MAX_PROMPT_CHARS} characters"),
            ));
        }
    }
    has_fields(provider, &rule, &reach)?;
    if (BodyRule { endpoint: rule.endpoint.clone(), ..BodyRule::default() }) == rule && rule.endpoint.is_none() {
        return Err(FieldError::new("", "this rule asks for nothing; fill in what it is to hold to"));
    }
    Ok(rule)
}

/// The endpoints that a rule is about. Empty for one that the catalogue does not know.
fn reach<'a>(
    provider: &'a Provider,
    opened: &[EndpointRule],
    endpoint: Option<&str>,
) -> Result<Vec<&'a BodyFields>, FieldError> {
    let Some(text) = endpoint else {
        return if provider.body_fields.is_empty() {
            Err(FieldError::new(
                "endpoint",
                "name the endpoint, such as POST /v1/chat/completions: of this API, none is known",
            ))
        } else {
            Ok(provider.body_fields.iter().collect())
        };
    };
    let (method, template) =
        body_rules::endpoint(text).map_err(|error| FieldError::new("endpoint", error.to_string()))?;
    let is_of = |fields: &&BodyFields| {
        let known = PathTemplate::parse(&fields.template).ok();
        let count = template.segment_count();
        fields.method == method
            && known.is_some_and(|known| known.segment_count() == count && template.is_within(&known, count))
    };
    let known: Vec<&BodyFields> = provider.body_fields.iter().filter(is_of).collect();
    // Whoever opened an endpoint that we do not know may say what holds there; a slip of the pen is not open.
    let is_open = opened
        .iter()
        .any(|rule| rule.method == method && PathTemplate::parse(&rule.template).is_ok_and(|open| open == template));
    if known.is_empty() && !is_open && !provider.body_fields.is_empty() {
        let endpoints = body_endpoints(provider).join(", ");
        return Err(FieldError::new(
            "endpoint",
            format!(
                "of {}, only these bodies are known: {endpoints}; any other must be one of the proxy's endpoints",
                provider.title
            ),
        ));
    }
    Ok(known)
}

fn models(rule: &BodyRule) -> Result<(), FieldError> {
    for model in &rule.models {
        model_pattern(model).map_err(|reason| FieldError::new("models", reason))?;
    }
    for (alias, model) in &rule.aliases {
        for name in [alias, model] {
            plain_name(name).map_err(|reason| FieldError::new("models", reason))?;
        }
        if !rule.models.is_empty() && !rule.models.iter().any(|allowed| fits(allowed, model)) {
            return Err(FieldError::new(
                "models",
                format!("{alias} stands for {model}, which is not among the allowed models"),
            ));
        }
    }
    Ok(())
}

fn names(rule: &BodyRule) -> Result<(), FieldError> {
    if let Tools::Only(types) = &rule.tools {
        if types.is_empty() {
            return Err(FieldError::new("tools", "name the types that are allowed, such as function, or allow none"));
        }
        types
            .iter()
            .try_for_each(|name| model_pattern(name).map(drop))
            .map_err(|reason| FieldError::new("tools", reason))?;
    }
    if let Some(modalities) = &rule.modalities {
        if modalities.is_empty() {
            return Err(FieldError::new("modalities", "name the modalities that are allowed, such as text"));
        }
        let checked = modalities.iter().try_for_each(|name| plain_name(name).map(drop));
        checked.map_err(|reason| FieldError::new("modalities", reason))?;
    }
    Ok(())
}

/// What no endpoint in reach has a field for would look like a rule and be none.
fn has_fields(provider: &Provider, rule: &BodyRule, reach: &[&BodyFields]) -> Result<(), FieldError> {
    if reach.is_empty() {
        return Ok(());
    }
    let has = |field: fn(&BodyFields) -> bool| reach.iter().any(|fields| field(fields));
    let names_model = |fields: &BodyFields| {
        fields.model.is_some()
            || fields.model_query.is_some()
            || !fields.other_models.is_empty()
            || fields.template.contains("{model}")
    };
    let asked = [
        ("models", !rule.models.is_empty() || !rule.aliases.is_empty(), has(names_model)),
        ("max_output_tokens", rule.max_output_tokens.is_some(), has(|fields| !fields.max_output.is_empty())),
        ("max_choices", rule.max_choices.is_some(), has(|fields| fields.choices.is_some())),
        ("tools", rule.tools != Tools::Any, has(|fields| !fields.tools.is_empty())),
        ("modalities", rule.modalities.is_some(), has(|fields| fields.modalities.is_some())),
        ("max_messages", rule.max_messages.is_some(), has(|fields| fields.messages.is_some())),
        ("system_prompt", rule.system_prompt != SystemPrompt::Free, has(|fields| !fields.system.is_empty())),
        ("end_user", rule.end_user != EndUser::Free, has(|fields| !fields.end_user.is_empty())),
    ];
    let missing = asked.into_iter().find(|(_, is_asked, is_there)| *is_asked && !is_there);
    missing.map_or(Ok(()), |(field, ..)| {
        let place = rule.endpoint.as_deref().unwrap_or(&provider.title);
        Err(FieldError::new(
            field,
            format!("{place} has no such field, so this would have no effect; leave it as it is"),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use serde_json::{Value, json};

    fn checked(provider: &str, rule: &Value) -> Result<BodyRule, &'static str> {
        let provider = catalogue::provider(provider).expect("in the catalogue");
        let rule: BodyRule = serde_json::from_value(rule.clone()).expect("a rule");
        body_rule(provider, &[], &rule).map_err(|fault| fault.field)
    }

    #[test]
    fn a_sensible_rule_is_kept() {
        for (provider, rule) in [
            ("openai", json!({"models": ["gpt-4o-mini", "o4-*"], "aliases": {"fast": "o4-mini"}, "max_choices": 1})),
            ("openai", json!({"endpoint": "POST /v1/responses", "tools": {"kind": "only", "types": ["function"]}})),
            ("openai", json!({"endpoint": "POST /v1/responses"})),
            ("anthropic", json!({"end_user": "hashed", "system_prompt": {"kind": "pinned", "text": "Be kind."}})),
            ("gemini", json!({"endpoint": "POST /v1beta/models/{model}:generateContent", "max_output_tokens": 5})),
            ("custom", json!({"endpoint": "POST /chat", "max_chars": 100, "end_user": "hashed"})),
        ] {
            assert!(checked(provider, &rule).is_ok(), "{provider} {rule}");
        }
    }

    #[test]
    fn a_fault_names_its_field() {
        let long = "x".repeat(MAX_PROMPT_CHARS + 1);
        for (provider, rule, field) in [
            ("openai", json!({}), ""),
            ("custom", json!({"max_chars": 5}), "endpoint"),
            ("openai", json!({"endpoint": "GET /v1/models", "max_chars": 5}), "endpoint"),
            ("openai", json!({"endpoint": "POST /v1/chat/completion", "max_chars": 5}), "endpoint"),
            ("openai", json!({"endpoint": "POST /v1/{any}", "max_chars": 5}), "endpoint"),
            ("openai", json!({"models": ["gpt 4"]}), "models"),
            ("openai", json!({"models": ["*"]}), "models"),
            ("openai", json!({"models": ["gpt-4o"], "aliases": {"fast": "gpt-4o-mini"}}), "models"),
            ("openai", json!({"max_output_tokens": 0}), "max_output_tokens"),
            ("openai", json!({"max_chars": MAX_NUMBER + 1}), "max_chars"),
            ("openai", json!({"tools": {"kind": "only", "types": []}}), "tools"),
            ("openai", json!({"modalities": []}), "modalities"),
            ("openai", json!({"system_prompt": {"kind": "pinned", "text": "  "}}), "system_prompt"),
            ("openai", json!({"system_prompt": {"kind": "pinned", "text": long}}), "system_prompt"),
            ("gemini", json!({"end_user": "hashed"}), "end_user"),
            ("anthropic", json!({"max_choices": 1}), "max_choices"),
            ("openai", json!({"endpoint": "POST /v1/embeddings", "tools": {"kind": "none"}}), "tools"),
        ] {
            assert_eq!(checked(provider, &rule), Err(field), "{provider} {rule}");
        }
    }

    #[test]
    fn an_endpoint_that_only_the_developer_opened_can_be_named() {
        let groq = catalogue::provider("groq").expect("in the catalogue");
        let opened: EndpointRule =
            serde_json::from_value(json!({"method": "POST", "template": "/openai/v1/completions"})).expect("a rule");
        let rule = BodyRule { endpoint: Some("POST /openai/v1/completions".to_owned()), ..BodyRule::default() };
        assert_eq!(body_rule(groq, std::slice::from_ref(&opened), &rule), Ok(rule.clone()));
        assert!(body_rule(groq, &[], &rule).is_err());
        let slip = BodyRule { endpoint: Some("POST /openai/v1/completion".to_owned()), ..rule };
        assert!(body_rule(groq, &[opened], &slip).is_err());
    }

    #[test]
    fn two_rules_for_one_endpoint_are_refused() {
        let openai = catalogue::provider("openai").expect("in the catalogue");
        let rule = BodyRule { max_chars: Some(5), ..BodyRule::default() };
        assert_eq!(body_rules(openai, &[], &[rule.clone(), rule]).map_err(|fault| fault.field), Err("endpoint"));
    }

    #[test]
    fn every_endpoint_of_the_catalogue_can_be_named() {
        for provider in catalogue::providers() {
            for endpoint in body_endpoints(provider) {
                let rule = BodyRule { endpoint: Some(endpoint.clone()), max_chars: Some(5), ..BodyRule::default() };
                assert_eq!(body_rule(provider, &[], &rule), Ok(rule), "{} {endpoint}", provider.name);
            }
        }
    }
}
