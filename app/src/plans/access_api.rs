//! Server functions of what a plan allows at a proxy.

#![expect(clippy::too_many_arguments, reason = "each argument of a server function is a field of its form")]

use keyward_domain::ids::{PlanId, ProxyId};
use keyward_domain::validate::{AccessScope, ToolsChoice};
use keyward_domain::view::PlanAccessView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::signed_in,
    crate::stored::{self, word},
    keyward_domain::validate::PlanAccessForm,
};

#[server(endpoint = "plan-access")]
pub async fn plan_access(plan: PlanId, proxy: ProxyId) -> Result<PlanAccessView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.plan_access(&actor, plan, proxy).await?)
}

#[server(endpoint = "save-plan-access")]
pub async fn save_plan_access(
    plan: PlanId,
    proxy: ProxyId,
    #[server(default)] scope: AccessScope,
    #[server(default)] endpoints: Vec<String>,
    #[server(default)] models: String,
    #[server(default)] max_output_tokens: String,
    #[server(default)] max_choices: String,
    #[server(default)] max_messages: String,
    #[server(default)] max_chars: String,
    #[server(default)] tools: ToolsChoice,
    #[server(default)] seen: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form =
        PlanAccessForm { scope, endpoints, models, max_output_tokens, max_choices, max_messages, max_chars, tools };
    let (scope, tools, endpoints) = (word(&scope), word(&tools), form.endpoints.join("\n"));
    let kept = [
        ("scope", scope.as_str()),
        ("endpoints", &endpoints),
        ("models", &form.models),
        ("max_output_tokens", &form.max_output_tokens),
        ("max_choices", &form.max_choices),
        ("max_messages", &form.max_messages),
        ("max_chars", &form.max_chars),
        ("tools", &tools),
    ];
    let seen = stored::seen(&seen)?;
    let app = control.plan_access(&actor, plan, proxy).await?.plan.app_id;
    let saved = control.save_plan_access(&actor, plan, proxy, (&form, seen.as_ref())).await;
    saved.map_err(|error| PageError::from(error).keeping(kept))?;
    leptos_axum::redirect(&format!("/apps/{app}/plans/{plan}"));
    Ok(())
}
