//! Server functions of App Check.

use keyward_domain::ids::AppId;
use keyward_domain::policy::AppCheckMode;
use keyward_domain::view::AppCheckView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {crate::context::signed_in, keyward_domain::validate::AppCheckForm};

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
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = AppCheckForm { mode, project_number, app_ids };
    let kept = [("project_number", form.project_number.as_str()), ("app_ids", &form.app_ids)];
    control.save_app_check(&actor, id, &form).await.map_err(|error| PageError::from(error).keeping(kept))?;
    leptos_axum::redirect(&format!("/apps/{id}/app-check?saved=yes"));
    Ok(())
}
