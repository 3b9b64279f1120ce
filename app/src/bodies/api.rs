//! Server functions of body rules.

#![expect(clippy::too_many_arguments, reason = "each argument of a server function is a field of its form")]

use keyward_domain::body_rules::EndUser;
use keyward_domain::ids::ProxyId;
use keyward_domain::validate::{PromptChoice, ToolsChoice};
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::signed_in,
    crate::stored::{self, word},
    keyward_domain::validate::BodyRuleForm,
};

#[server(endpoint = "put-body-rule")]
pub async fn put_body_rule(
    id: ProxyId,
    #[server(default)] endpoint: String,
    #[server(default)] models: String,
    #[server(default)] max_output_tokens: String,
    #[server(default)] max_choices: String,
    #[server(default)] max_messages: String,
    #[server(default)] max_chars: String,
    #[server(default)] tools: ToolsChoice,
    #[server(default)] tool_types: String,
    #[server(default)] modalities: String,
    #[server(default)] system_prompt: PromptChoice,
    #[server(default)] prompt: String,
    #[server(default)] end_user: EndUser,
    #[server(default)] seen: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = BodyRuleForm {
        endpoint,
        models,
        max_output_tokens,
        max_choices,
        max_messages,
        max_chars,
        tools,
        tool_types,
        modalities,
        system_prompt,
        prompt,
        end_user,
    };
    let (tools, system_prompt, end_user) = (word(&tools), word(&system_prompt), word(&end_user));
    let kept = [
        ("tools", tools.as_str()),
        ("system_prompt", &system_prompt),
        ("end_user", &end_user),
        ("endpoint", &form.endpoint),
        ("models", &form.models),
        ("max_output_tokens", &form.max_output_tokens),
        ("max_choices", &form.max_choices),
        ("max_messages", &form.max_messages),
        ("max_chars", &form.max_chars),
        ("tool_types", &form.tool_types),
        ("modalities", &form.modalities),
        ("prompt", &form.prompt),
    ];
    let seen = stored::seen(&seen)?;
    let put = control.put_body_rule(&actor, id, &form, seen.as_ref()).await;
    put.map_err(|error| PageError::from(error).keeping(kept))?;
    leptos_axum::redirect(&format!("/proxies/{id}/bodies"));
    Ok(())
}

/// `endpoint` is empty for the rule of every endpoint.
#[server(endpoint = "remove-body-rule")]
pub async fn remove_body_rule(id: ProxyId, #[server(default)] endpoint: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.remove_body_rule(&actor, id, &endpoint).await?)
}
