//! Server functions of apps.

use keyward_domain::ids::AppId;
use keyward_domain::view::{AppSummary, AppView, TokenCheckLine, UsageView};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::error::PageError;

#[cfg(feature = "ssr")]
use {crate::context::signed_in, crate::flash, crate::usage::charts, keyward_domain::view::UsageRange};

/// Everything an app's page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPageView {
    pub app: AppView,
    pub usage: UsageView,
    /// The outcome of a token check by a browser without JavaScript.
    pub token_check: Option<Vec<TokenCheckLine>>,
}

#[server(endpoint = "apps")]
pub async fn apps() -> Result<Vec<AppSummary>, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.apps(&actor).await?)
}

#[server(endpoint = "app")]
pub async fn app(id: AppId) -> Result<AppPageView, PageError> {
    let (control, actor) = signed_in().await?;
    let app = control.app(&actor, id).await?;
    let usage = charts::summary(control.app_usage(&actor, id, UsageRange::Week).await?);
    Ok(AppPageView { app, usage, token_check: flash::take(flash::TOKEN_CHECK, id).await? })
}

/// The app's name and what can be linked here, for the forms below an app.
#[server(endpoint = "app-name")]
pub async fn app_name(id: AppId) -> Result<(String, Deployment), PageError> {
    let (control, actor) = signed_in().await?;
    let deployment = use_context::<Deployment>().ok_or(PageError::Internal)?;
    Ok((control.app(&actor, id).await?.name, deployment))
}

#[server(endpoint = "create-app")]
pub async fn create_app(name: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let created = control.create_app(&actor, &name).await;
    let id = created.map_err(|error| PageError::from(error).keeping([("name", &name)]))?;
    leptos_axum::redirect(&format!("/apps/{id}"));
    Ok(())
}

#[server(endpoint = "rename-app")]
pub async fn rename_app(id: AppId, name: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let renamed = control.rename_app(&actor, id, &name).await;
    renamed.map_err(|error| PageError::from(error).keeping([("name", &name)]))
}

#[server(endpoint = "set-usage-retention")]
pub async fn set_usage_retention(id: AppId, days: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let set = control.set_usage_retention(&actor, id, &days).await;
    set.map_err(|error| PageError::from(error).keeping([("days", &days)]))
}

#[server(endpoint = "delete-app")]
pub async fn delete_app(id: AppId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    control.delete_app(&actor, id).await?;
    leptos_axum::redirect("/apps");
    Ok(())
}
