//! Server functions of plans.

use keyward_domain::ids::{AppId, PlanId};
use keyward_domain::view::PlanView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use crate::context::signed_in;

/// The default plan first; there is always one.
#[server(endpoint = "plans")]
pub async fn plans(id: AppId) -> Result<Vec<PlanView>, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.plans(&actor, id).await?)
}

#[server(endpoint = "plan")]
pub async fn plan(id: PlanId) -> Result<PlanView, PageError> {
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
    let app = control.plan(&actor, id).await?.app_id;
    control.delete_plan(&actor, id).await?;
    leptos_axum::redirect(&format!("/apps/{app}/plans"));
    Ok(())
}
