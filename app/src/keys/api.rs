//! Server functions of keys. A key passes through here once, on its way to be sealed, and is in no error.

use keyward_domain::ids::{KeyId, ProxyId};
use keyward_domain::policy::Byok;
use keyward_domain::view::{ByokView, PoolKeyView, ProxySummary, ProxyView};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::signed_in,
    keyward_domain::validate,
    keyward_domain::view::{NewPoolKeyForm, PoolKeyForm},
};

/// Everything the page of a proxy's keys shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysPageView {
    pub proxy: ProxyView,
    pub keys: Vec<PoolKeyView>,
    pub users_own: ByokView,
    /// Proxies that may stand in.
    pub fallbacks: Vec<ProxySummary>,
}

#[server(endpoint = "proxy-keys")]
pub async fn proxy_keys(id: ProxyId) -> Result<KeysPageView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(KeysPageView {
        proxy: control.proxy(&actor, id).await?,
        keys: control.proxy_keys(&actor, id).await?,
        users_own: control.byok_summary(&actor, id).await?,
        fallbacks: control.fallback_choices(&actor, id).await?,
    })
}

#[server(endpoint = "add-key")]
pub async fn add_key(
    id: ProxyId,
    #[server(default)] label: String,
    key: String,
    #[server(default)] weight: String,
    #[server(default)] current_password: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let kept = [("label", label.as_str()), ("weight", weight.as_str())];
    let settings = settings(&label, &weight).map_err(|error| error.keeping(kept))?;
    let form = NewPoolKeyForm { key, settings, current_password };
    control.add_proxy_key(&actor, id, form).await.map(drop).map_err(|error| PageError::from(error).keeping(kept))
}

#[server(endpoint = "change-key")]
pub async fn change_key(
    id: ProxyId,
    key: KeyId,
    #[server(default)] label: String,
    #[server(default)] weight: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.set_key_weight(&actor, id, key, settings(&label, &weight)?).await?)
}

#[server(endpoint = "remove-key")]
pub async fn remove_key(id: ProxyId, key: KeyId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.remove_proxy_key(&actor, id, key).await?)
}

#[server(endpoint = "set-byok")]
pub async fn set_byok(id: ProxyId, byok: Byok) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.set_byok(&actor, id, byok).await?)
}

/// Of all users.
#[server(endpoint = "revoke-byok-keys")]
pub async fn revoke_byok_keys(id: ProxyId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.revoke_byok_keys(&actor, id, None).await.map(drop)?)
}

/// Nothing chosen is no fallback.
#[server(endpoint = "set-fallback")]
pub async fn set_fallback(id: ProxyId, #[server(default)] fallback: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let fallback = match fallback.as_str() {
        "" => None,
        chosen => Some(chosen.parse().map_err(|_| PageError::incomplete())?),
    };
    Ok(control.set_fallback(&actor, id, fallback).await?)
}

/// A key has a share of one unless it is said otherwise.
#[cfg(feature = "ssr")]
fn settings(label: &str, weight: &str) -> Result<PoolKeyForm, PageError> {
    let weight = validate::optional_number(weight).map_err(|reason| PageError::refused("weight", reason))?.unwrap_or(1);
    Ok(PoolKeyForm { label: label.to_owned(), weight: u32::try_from(weight).unwrap_or(u32::MAX) })
}
