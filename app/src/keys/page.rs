//! The page of a proxy's keys.

use leptos::prelude::*;

use super::api::proxy_keys;
use super::own::{FallbackSection, UsersOwnKeys};
use super::pool::{KeyActions, Pool};
use crate::proxies::{ProxyPageHead, ProxyTitle, proxy_id};
use crate::ui::loading::loaded;

#[component]
pub fn KeysPage() -> impl IntoView {
    let id = proxy_id();
    let actions = KeyActions::unsent();
    let resource = Resource::new(move || (id.get(), actions.changes()), |(id, _)| async move { proxy_keys(id?).await });
    loaded(resource, move |page| {
        view! {
            <ProxyPageHead proxy=ProxyTitle::of(&page.proxy) title="Keys" lead="What the edge sends to the API in place of the user’s token."/>
            <div class="stack">
                <Pool id=page.proxy.id keys=page.keys actions/>
                <UsersOwnKeys id=page.proxy.id byok=page.proxy.policy.byok counts=page.users_own actions/>
                <FallbackSection id=page.proxy.id chosen=page.proxy.policy.fallback choices=page.fallbacks actions/>
            </div>
        }
        .into_any()
    })
}
