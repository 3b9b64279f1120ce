//! One app.

use keyward_domain::view::{AppView, ProxySummary};
use leptos::prelude::*;

use super::api::{AppPageView, RenameApp, SetUsageRetention, app};
use super::app_id;
use super::checklist::Checklist;
use super::danger::AppSettings;
use super::head::AppTabs;
use crate::issuers::api::CheckToken;
use crate::issuers::{IssuerActions, IssuerList, TokenCheck};
use crate::ui::card::{Empty, Section};
use crate::ui::format::counted;
use crate::ui::icon::{Icon, IconName};
use crate::ui::loading::loaded;
use crate::ui::notice::{Badge, Tone};
use crate::ui::page::{Crumb, PageHead};
use crate::usage::UsageSummary;

/// The forms on this page; the page is fetched anew when one of them did something.
#[derive(Clone, Copy)]
struct Actions {
    rename: ServerAction<RenameApp>,
    retention: ServerAction<SetUsageRetention>,
    issuers: IssuerActions,
    check_token: ServerAction<CheckToken>,
}

#[component]
pub fn AppPage() -> impl IntoView {
    let id = app_id();
    let actions = Actions {
        rename: ServerAction::new(),
        retention: ServerAction::new(),
        issuers: IssuerActions::unsent(),
        check_token: ServerAction::new(),
    };
    let changes =
        move || (actions.rename.version().get(), actions.retention.version().get(), actions.issuers.changes());
    let resource = Resource::new(move || (id.get(), changes()), |(id, _)| async move { app(id?).await });
    loaded(resource, move |page| content(page, actions))
}

fn content(page: AppPageView, actions: Actions) -> AnyView {
    let AppPageView { app, usage, token_check } = page;
    let has_issuer = !app.issuers.is_empty();
    let requests = usage.total.requests;
    view! {
        <PageHead title=app.name.clone() crumbs=vec![Crumb::new("Apps", "/apps")]/>
        <AppTabs id=app.id/>
        <div class="stack">
            <Checklist app=app.clone() requests/>
            <Proxies app=app.clone()/>
            <IssuerList app=app.clone() actions=actions.issuers/>
            {has_issuer.then(|| view! { <TokenCheck app_id=app.id action=actions.check_token earlier=token_check/> })}
            {(requests > 0).then(|| view! { <UsageSummary usage/> })}
            <AppSettings app rename=actions.rename retention=actions.retention/>
        </div>
    }
    .into_any()
}

#[component]
fn Proxies(app: AppView) -> impl IntoView {
    let new = format!("/apps/{}/proxies/new", app.id);
    let add_first = new.clone();
    let list = if app.proxies.is_empty() {
        view! {
            <Empty title="No proxies yet" text="A proxy is one address at the edge that stands for one API and its key.">
                <a class="btn" href=add_first>"Add a proxy"</a>
            </Empty>
        }
        .into_any()
    } else {
        let rows = app.proxies.iter().cloned().map(row).collect_view();
        view! { <ul class="row-list">{rows}</ul> }.into_any()
    };
    let add = (!app.proxies.is_empty()).then(|| view! { <a class="btn btn-sm" href=new>"Add a proxy"</a> }.into_any());
    match add {
        Some(add) => view! { <Section title="Proxies" actions=add>{list}</Section> }.into_any(),
        None => view! { <Section title="Proxies">{list}</Section> }.into_any(),
    }
}

fn row(proxy: ProxySummary) -> impl IntoView {
    let state = if proxy.enabled {
        view! { <Badge tone=Tone::Good text="On"/> }
    } else {
        view! { <Badge tone=Tone::Neutral text="Off"/> }
    };
    view! {
        <li class="row panel-link">
            <div class="row-main">
                <h3 class="row-title"><a class="stretched" href=format!("/proxies/{}", proxy.id)>{proxy.name}</a></h3>
                <p class="muted">{proxy.provider_title} " · " {counted(proxy.requests_last_day, "request", "requests")} " in 24 hours"</p>
            </div>
            <div class="row-end">{state}<Icon name=IconName::Chevron class="icon-small"/></div>
        </li>
    }
    .into_any()
}
