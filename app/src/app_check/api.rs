//! Server functions of App Check.

use keyward_domain::ids::AppId;
use keyward_domain::policy::AppCheckMode;
use keyward_domain::view::AppCheckView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::signed_in,
    crate::stored::{self, word},
    keyward_domain::validate::AppCheckForm,
};

#[server(endpoint = "app-check")]
pub async fn app_check(id: AppId) -> Result<AppCheckView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.app_check(&actor, id).await?)
}

#[server(endpoint = "save-app-check")]
pub async fn save_app_check(
    id: AppId,
    mode: AppCheckMode,
    #[server(default)] project_number: String,
    #[server(default)] app_ids: String,
    #[server(default)] seen: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = AppCheckForm { mode, project_number, app_ids };
    let chosen = word(&mode);
    let kept = [("mode", chosen.as_str()), ("project_number", &form.project_number), ("app_ids", &form.app_ids)];
    let seen = stored::seen(&seen)?;
    let saved = control.save_app_check(&actor, id, &form, seen.as_ref()).await;
    saved.map_err(|error| PageError::from(error).keeping(kept))?;
    leptos_axum::redirect(&format!("/apps/{id}/app-check?saved=yes"));
    Ok(())
}
