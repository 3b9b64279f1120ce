//! The limits of an app and of a proxy.

use keyward_domain::place::LimitPlace;
use leptos::prelude::*;

use super::api::app_policy;
use super::list::{LimitActions, LimitSection};
use crate::apps::{AppPageHead, app_id};
use crate::proxies::api::proxy_settings;
use crate::proxies::{ProxyPageHead, ProxyTitle, proxy_id};
use crate::ui::loading::loaded;

#[component]
pub fn AppLimitsPage() -> impl IntoView {
    let id = app_id();
    let actions = LimitActions::unsent();
    let resource = Resource::new(move || (id.get(), actions.changes()), |(id, _)| async move { app_policy(id?).await });
    loaded(resource, move |app| {
        view! {
            <AppPageHead id=app.id name=app.name title="Limits"/>
            <div class="stack">
                <LimitSection
                    place=LimitPlace::App(app.id) limits=app.policy.limits actions
                    lead="They hold for all proxies of this app together. A budget for everyone is the app’s spending cap."
                    none="Plans and proxies may have limits of their own. One for everyone together caps what this app can cost."
                />
            </div>
        }
        .into_any()
    })
}

#[component]
pub fn ProxyLimitsPage() -> impl IntoView {
    let id = proxy_id();
    let actions = LimitActions::unsent();
    let resource =
        Resource::new(move || (id.get(), actions.changes()), |(id, _)| async move { proxy_settings(id?).await });
    loaded(resource, move |proxy| {
        view! {
            <ProxyPageHead proxy=ProxyTitle::of(&proxy) title="Limits"/>
            <div class="stack">
                <LimitSection
                    place=LimitPlace::Proxy(proxy.id) limits=proxy.policy.limits actions
                    lead="They hold for this proxy, beside those of the app and of the user’s plan."
                    none="Only the limits of the app and of the user’s plan hold here."
                />
            </div>
        }
        .into_any()
    })
}
