//! What stands at the top of each page of a proxy.

use keyward_domain::ids::{AppId, ProxyId};
use leptos::prelude::*;

use crate::ui::page::{Crumb, PageHead};
use crate::ui::tabs::TabRow;

#[component]
pub fn ProxyTabs(id: ProxyId) -> impl IntoView {
    let base = format!("/proxies/{id}");
    let links = vec![
        (base.clone(), "Overview"),
        (format!("{base}/limits"), "Limits"),
        (format!("{base}/bodies"), "Models and bodies"),
        (format!("{base}/keys"), "Keys"),
        (format!("{base}/addresses"), "Addresses"),
        (format!("{base}/usage"), "Usage"),
        (format!("{base}/settings"), "Settings"),
    ];
    view! { <TabRow label="Proxy" links/> }.into_any()
}

/// Which proxy a page is about.
#[derive(Clone)]
pub struct ProxyTitle {
    pub id: ProxyId,
    pub name: String,
    pub app_id: AppId,
    pub app_name: String,
}

impl ProxyTitle {
    pub fn of(proxy: &keyward_domain::view::ProxyView) -> Self {
        Self { id: proxy.id, name: proxy.name.clone(), app_id: proxy.app_id, app_name: proxy.app_name.clone() }
    }
}

/// Of a page below the proxy's own.
#[component]
pub fn ProxyPageHead(
    proxy: ProxyTitle,
    #[prop(into)] title: String,
    #[prop(optional, into)] lead: String,
    /// Pages between the proxy's own and this one.
    #[prop(optional)]
    between: Vec<Crumb>,
) -> impl IntoView {
    let mut crumbs = vec![
        Crumb::new("Apps", "/apps"),
        Crumb::new(proxy.app_name, format!("/apps/{}", proxy.app_id)),
        Crumb::new(proxy.name, format!("/proxies/{}", proxy.id)),
    ];
    crumbs.extend(between);
    view! {
        <PageHead title lead crumbs/>
        <ProxyTabs id=proxy.id/>
    }
    .into_any()
}
