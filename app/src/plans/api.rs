//! Server functions of plans.

use keyward_domain::ids::{AppId, PlanId};
use keyward_domain::view::{PlanPageView, PlansView};
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {crate::context::signed_in, crate::flash, crate::stored, keyward_domain::validate::PlanWordsForm};

/// With the rules that put users in them. There is always a default plan.
#[server(endpoint = "plans")]
pub async fn plans(id: AppId) -> Result<PlansView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.plan_rules(&actor, id).await?)
}

/// With what the seller said against the rule that was saved last, once.
#[server(endpoint = "plans-page")]
pub async fn plans_page(id: AppId) -> Result<(PlansView, Option<String>), PageError> {
    let (control, actor) = signed_in().await?;
    let view = control.plan_rules(&actor, id).await?;
    Ok((view, flash::take(flash::RULE_DOUBT, id).await?))
}

#[server(endpoint = "plan")]
pub async fn plan(id: PlanId) -> Result<PlanPageView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.plan(&actor, id).await?)
}

#[server(endpoint = "create-plan")]
pub async fn create_plan(app: AppId, name: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let created = control.create_plan(&actor, app, &name).await;
    let plan = created.map_err(|error| PageError::from(error).keeping([("name", &name)]))?;
    leptos_axum::redirect(&format!("/apps/{app}/plans/{plan}"));
    Ok(())
}

#[server(endpoint = "rename-plan")]
pub async fn rename_plan(id: PlanId, name: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let renamed = control.rename_plan(&actor, id, &name).await;
    renamed.map_err(|error| PageError::from(error).keeping([("name", &name)]))
}

#[server(endpoint = "delete-plan")]
pub async fn delete_plan(id: PlanId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let app = control.plan(&actor, id).await?.plan.app_id;
    control.delete_plan(&actor, id).await?;
    leptos_axum::redirect(&format!("/apps/{app}/plans"));
    Ok(())
}

/// `upper` stands right before `lower`, as the page showed them.
#[server(endpoint = "swap-plans")]
pub async fn swap_plans(app: AppId, upper: PlanId, lower: PlanId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.swap_plans(&actor, app, upper, lower).await?)
}

#[server(endpoint = "save-plan-words")]
pub async fn save_plan_words(
    id: PlanId,
    #[server(default)] message: String,
    #[server(default)] upgrade_url: String,
    #[server(default)] seen: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = PlanWordsForm { message, upgrade_url };
    let seen = stored::seen(&seen)?;
    let kept = [("message", form.message.as_str()), ("upgrade_url", &form.upgrade_url)];
    let saved = control.save_plan_words(&actor, id, &form, seen.as_ref()).await;
    saved.map_err(|error| PageError::from(error).keeping(kept))
}
