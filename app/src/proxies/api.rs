//! Server functions of proxies. A key passes through here once, on its way to be sealed, and is in no error.

#![expect(clippy::too_many_arguments, reason = "each argument of a server function is a field of its form")]

use keyward_domain::ids::{AppId, ProxyId};
use keyward_domain::view::{ProxyView, Snippet, TestAnswer, UsageView};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    super::key_fields::KeyFields,
    crate::context::signed_in,
    crate::flash,
    crate::stored,
    crate::usage::charts,
    keyward_control::ProxySwitch,
    keyward_domain::validate,
    keyward_domain::view::{NewProxyForm, ProxySettingsForm, UsageRange},
};

/// Everything a proxy's page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyPageView {
    pub proxy: ProxyView,
    pub snippets: Vec<Snippet>,
    pub usage: UsageView,
    /// The answer to a test request sent by a browser without JavaScript.
    pub test_answer: Option<TestAnswer>,
}

#[server(endpoint = "proxy")]
pub async fn proxy(id: ProxyId) -> Result<ProxyPageView, PageError> {
    let (control, actor) = signed_in().await?;
    let proxy = control.proxy(&actor, id).await?;
    let snippets = control.snippets(&actor, id).await?;
    let usage = charts::drawn(control.usage(&actor, id, UsageRange::Day).await?);
    Ok(ProxyPageView { proxy, snippets, usage, test_answer: flash::take(flash::TEST_ANSWER, id).await? })
}

/// A proxy as its settings show it.
#[server(endpoint = "proxy-settings")]
pub async fn proxy_settings(id: ProxyId) -> Result<ProxyView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.proxy(&actor, id).await?)
}

#[server(endpoint = "create-proxy")]
pub async fn create_proxy(
    app: AppId,
    provider: String,
    name: String,
    key: String,
    #[server(default)] base_url: String,
    #[server(default)] placement: String,
    #[server(default)] placement_name: String,
    #[server(default)] placement_prefix: String,
) -> Result<(), PageError> {
    // First of all: a stranger's form is not worth reading.
    let (control, actor) = signed_in().await?;
    let typed = [
        ("name", name.as_str()),
        ("base_url", &base_url),
        ("placement", &placement),
        ("placement_name", &placement_name),
        ("placement_prefix", &placement_prefix),
    ];
    let placed = KeyFields { kind: &placement, name: &placement_name, prefix: &placement_prefix };
    let key_placement = placed.placement().map_err(|error| error.keeping(typed))?;
    let form = NewProxyForm { name: name.clone(), provider, base_url: base_url.clone(), key_placement, key };
    let id = control.create_proxy(&actor, app, form).await.map_err(|error| PageError::from(error).keeping(typed))?;
    leptos_axum::redirect(&format!("/proxies/{id}"));
    Ok(())
}

#[server(endpoint = "save-proxy")]
pub async fn save_proxy(
    id: ProxyId,
    name: String,
    #[server(default)] base_url: String,
    #[server(default)] placement: String,
    #[server(default)] placement_name: String,
    #[server(default)] placement_prefix: String,
    #[server(default)] key: String,
    #[server(default)] current_password: String,
    #[server(default)] allowed_origins: String,
    #[server(default)] rules: String,
    #[server(default)] seen: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let typed = [
        ("name", name.as_str()),
        ("base_url", &base_url),
        ("placement", &placement),
        ("placement_name", &placement_name),
        ("placement_prefix", &placement_prefix),
        ("allowed_origins", &allowed_origins),
        ("rules", &rules),
    ];
    let placed = KeyFields { kind: &placement, name: &placement_name, prefix: &placement_prefix };
    let form = || -> Result<ProxySettingsForm, PageError> {
        Ok(ProxySettingsForm {
            name: name.clone(),
            base_url: base_url.clone(),
            key_placement: placed.placement()?,
            key,
            current_password,
            allowed_origins: allowed_origins.lines().map(str::to_owned).collect(),
            rules: validate::parse_rule_lines(&rules)
                .map_err(|error| PageError::refused("rules", error.to_string()))?,
            seen: stored::seen(&seen)?,
        })
    };
    let form = form().map_err(|error| error.keeping(typed))?;
    control.save_proxy(&actor, id, form).await.map_err(|error| PageError::from(error).keeping(typed))?;
    leptos_axum::redirect(&format!("/proxies/{id}/settings?saved=yes"));
    Ok(())
}

#[server(endpoint = "switch-proxy")]
pub async fn switch_proxy(id: ProxyId, to: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let switch = match to.as_str() {
        "on" => ProxySwitch::On,
        "off" => ProxySwitch::Off,
        _ => return Err(PageError::incomplete()),
    };
    Ok(control.set_proxy_enabled(&actor, id, switch).await?)
}

#[server(endpoint = "delete-proxy")]
pub async fn delete_proxy(id: ProxyId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let app = control.proxy(&actor, id).await?.app_id;
    control.delete_proxy(&actor, id).await?;
    leptos_axum::redirect(&format!("/apps/{app}"));
    Ok(())
}

#[server(endpoint = "send-test-request")]
pub async fn send_test_request(id: ProxyId) -> Result<TestAnswer, PageError> {
    let (control, actor) = signed_in().await?;
    let answer = control.send_test_request(&actor, id).await?;
    flash::keep(flash::TEST_ANSWER, id, &answer).await?;
    Ok(answer)
}
