//! Server functions of the rules that put users in plans.

#![expect(clippy::too_many_arguments, reason = "each argument of a server function is a field of its form")]

use keyward_domain::ids::{AppId, PlanId};
use keyward_domain::validate::{RuleKind, Trials};
use keyward_domain::view::EmailLink;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::signed_in,
    crate::flash,
    crate::stored::{self, stored, word},
    keyward_domain::validate::PlanRuleForm,
};

/// Which of the fields count depends on the kind.
#[server(endpoint = "put-plan-rule")]
pub async fn put_plan_rule(
    app: AppId,
    plan: PlanId,
    kind: RuleKind,
    #[server(default)] name: String,
    #[server(default)] trials: Trials,
    #[server(default)] grace_days: String,
    #[server(default)] claim: String,
    #[server(default)] value: String,
    #[server(default)] seen: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = PlanRuleForm { plan, kind, name, trials, grace_days, claim, value };
    let seen = stored::seen(&seen)?;
    let (plan, trials) = (plan.to_string(), word(&trials));
    let kept = [
        ("plan", plan.as_str()),
        ("name", &form.name),
        ("trials", &trials),
        ("grace_days", &form.grace_days),
        ("claim", &form.claim),
        ("value", &form.value),
    ];
    let put = control.put_plan_rule(&actor, app, &form, seen.as_ref()).await;
    put.map_err(|error| PageError::from(error).keeping(kept))?;
    if let Some(doubt) = control.doubt_about_rule(&actor, app, &form).await? {
        flash::leave(flash::RULE_DOUBT, app, &doubt).await?;
    }
    leptos_axum::redirect(&format!("/apps/{app}/plans"));
    Ok(())
}

/// `rule` is the rule itself, as the page showed it.
#[server(endpoint = "remove-plan-rule")]
pub async fn remove_plan_rule(app: AppId, rule: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.remove_plan_rule(&actor, app, &stored(&rule)?).await?)
}

/// `upper` stands right before `lower`, as the page showed them.
#[server(endpoint = "swap-plan-rules")]
pub async fn swap_plan_rules(app: AppId, upper: String, lower: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.swap_plan_rules(&actor, app, (&stored(&upper)?, &stored(&lower)?)).await?)
}

#[server(endpoint = "set-email-link")]
pub async fn set_email_link(app: AppId, to: EmailLink) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.set_email_link(&actor, app, to).await?)
}
