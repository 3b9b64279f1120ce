//! Server functions of how a proxy's calls go out, and of whose objects its API holds.

use keyward_domain::ids::ProxyId;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {crate::context::signed_in, crate::stored, keyward_domain::validate::ConnectionForm};

#[server(endpoint = "save-connection")]
pub async fn save_connection(
    id: ProxyId,
    #[server(default)] connect_secs: String,
    #[server(default)] first_byte_secs: String,
    #[server(default)] idle_secs: String,
    #[server(default)] open_secs: String,
    #[server(default)] upstream_headers: String,
    #[server(default)] seen: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = ConnectionForm { connect_secs, first_byte_secs, idle_secs, open_secs, upstream_headers };
    let kept = [
        ("connect_secs", form.connect_secs.as_str()),
        ("first_byte_secs", &form.first_byte_secs),
        ("idle_secs", &form.idle_secs),
        ("open_secs", &form.open_secs),
        ("upstream_headers", &form.upstream_headers),
    ];
    let seen = stored::seen(&seen)?;
    let saved = control.save_connection(&actor, id, &form, seen.as_ref()).await;
    saved.map_err(|error| PageError::from(error).keeping(kept))?;
    leptos_axum::redirect(&format!("/proxies/{id}/settings?saved=yes"));
    Ok(())
}

#[server(endpoint = "save-ownership")]
pub async fn save_ownership(
    id: ProxyId,
    #[server(default)] ownership: String,
    #[server(default)] shared: String,
    #[server(default)] seen: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let kept = [("ownership", ownership.as_str()), ("shared", shared.as_str())];
    let saved = control.save_ownership(&actor, id, (&ownership, &shared), stored::seen(&seen)?).await;
    saved.map_err(|error| PageError::from(error).keeping(kept))?;
    leptos_axum::redirect(&format!("/proxies/{id}/settings?saved=yes"));
    Ok(())
}
