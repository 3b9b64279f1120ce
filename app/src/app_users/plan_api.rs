//! Server functions of one user's plan.

use keyward_domain::ids::{AppId, IssuerId, PlanId};
use keyward_domain::view::UserPlanView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {crate::context::signed_in, keyward_domain::issuer::Subject, keyward_domain::validate::PlanOverrideForm};

/// Also of one who never called.
#[server(endpoint = "user-plan")]
pub async fn user_plan(app: AppId, issuer: IssuerId, sub: String) -> Result<UserPlanView, PageError> {
    let (control, actor) = signed_in().await?;
    let view = control.plan_of_user(&actor, app, &Subject { issuer, sub }).await;
    view.map_err(|error| match PageError::from(error) {
        // Nobody can have such an id, and so a page.
        PageError::Refused { .. } => PageError::NotFound,
        other => other,
    })
}

#[server(endpoint = "set-plan-override")]
pub async fn set_plan_override(
    app: AppId,
    issuer: IssuerId,
    sub: String,
    plan: PlanId,
    #[server(default)] until: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = PlanOverrideForm { plan, until };
    let plan = plan.to_string();
    let kept = [("plan", plan.as_str()), ("until", &form.until)];
    let set = control.set_plan_override(&actor, app, &Subject { issuer, sub }, &form).await;
    set.map_err(|error| PageError::from(error).keeping(kept))
}

#[server(endpoint = "clear-plan-override")]
pub async fn clear_plan_override(app: AppId, issuer: IssuerId, sub: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.clear_plan_override(&actor, app, &Subject { issuer, sub }).await?)
}
