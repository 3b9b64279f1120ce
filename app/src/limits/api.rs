//! Server functions of limits.

use keyward_domain::ids::AppId;
use keyward_domain::limits::{Measure, Per, Window};
use keyward_domain::place::LimitPlace;
use keyward_domain::policy::WithoutCounters;
use keyward_domain::view::AppPolicyView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::signed_in,
    crate::stored::{stored, word},
    keyward_domain::validate::LimitForm,
};

/// What an app's own pages show of what was decided for it.
#[server(endpoint = "app-policy")]
pub async fn app_policy(id: AppId) -> Result<AppPolicyView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.app_policy(&actor, id).await?)
}

#[server(endpoint = "put-limit")]
pub async fn put_limit(
    place: LimitPlace,
    measure: Measure,
    amount: String,
    window: Window,
    per: Per,
    #[server(default)] model: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = LimitForm { measure, window, per, model, amount };
    let (measure, window, per) = (word(&measure), word(&window), word(&per));
    let kept = [
        ("measure", measure.as_str()),
        ("amount", &form.amount),
        ("window", &window),
        ("per", &per),
        ("model", &form.model),
    ];
    control.put_limit(&actor, place, &form).await.map_err(|error| PageError::from(error).keeping(kept))
}

/// `limit` is the limit itself, as the page showed it.
#[server(endpoint = "remove-limit")]
pub async fn remove_limit(place: LimitPlace, limit: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.remove_limit(&actor, place, &stored(&limit)?).await?)
}

#[server(endpoint = "save-counting")]
pub async fn save_counting(id: AppId, time_zone: String, without_counters: WithoutCounters) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let chosen = word(&without_counters);
    let kept = [("time_zone", time_zone.as_str()), ("without_counters", &chosen)];
    let saved = control.save_counting(&actor, id, &time_zone, without_counters).await;
    saved.map_err(|error| PageError::from(error).keeping(kept))?;
    leptos_axum::redirect(&format!("/apps/{id}/limits?saved=yes"));
    Ok(())
}
