//! The usage page of a proxy, and the figures that other pages show of it.

use keyward_domain::view::{UsageRange, UsageTotals, UsageView};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::usage;
use super::tables::{RecentRequests, TopUsers};
use crate::proxies::{ProxyPageHead, ProxyTitle, proxy_id};
use crate::ui::card::{Empty, Figure, Section};
use crate::ui::chart::Chart;
use crate::ui::format::{count, micro_usd};
use crate::ui::loading::loaded;

const RANGES: [(UsageRange, &str, &str); 3] = [
    (UsageRange::Day, "day", "24 hours"),
    (UsageRange::Week, "week", "7 days"),
    (UsageRange::Month, "month", "30 days"),
];

#[component]
pub fn UsagePage() -> impl IntoView {
    let id = proxy_id();
    let query = use_query_map();
    let range = Memo::new(move |_| {
        let name = query.with(|query| query.get("range"));
        RANGES
            .into_iter()
            .find(|(_, known, _)| name.as_deref() == Some(known))
            .map_or(UsageRange::Day, |(range, ..)| range)
    });
    let resource = Resource::new(move || (id.get(), range.get()), |(id, range)| async move { usage(id?, range).await });
    loaded(resource, |(proxy, usage)| {
        let base = format!("/proxies/{}", proxy.id);
        let shown = usage.range;
        let recent = usage.recent.clone();
        let top = usage.top_users.clone();
        view! {
            <ProxyPageHead proxy=ProxyTitle::of(&proxy) title="Usage"/>
            <div class="stack">
                <Ranges base shown/>
                <UsageFigures usage/>
                {(!top.is_empty()).then(|| view! { <Section title="Top users"><TopUsers users=top/></Section> })}
                {(!recent.is_empty()).then(|| view! { <Section title="Recent requests"><RecentRequests requests=recent/></Section> })}
            </div>
        }
        .into_any()
    })
}

#[component]
fn Ranges(base: String, shown: UsageRange) -> impl IntoView {
    let links = RANGES
        .into_iter()
        .map(|(range, name, title)| {
            let current = (range == shown).then_some("true");
            view! { <a class="segment" href=format!("{base}/usage?range={name}") aria-current=current>{title}</a> }
        })
        .collect_view();
    view! {
        <div class="range-row">
            <nav class="segments" aria-label="Time range">{links}</nav>
            <p class="muted">"Times are in UTC."</p>
        </div>
    }
    .into_any()
}

/// Totals and pictures.
#[component]
pub fn UsageFigures(usage: UsageView) -> impl IntoView {
    if usage.total.requests == 0 {
        return view! {
            <Empty title="No requests in this time" text="As soon as your app calls the edge address, figures show up here within a minute."/>
        }
        .into_any();
    }
    let charts = usage
        .charts
        .into_iter()
        .map(|chart| view! { <Chart title=chart.title description=chart.description svg=chart.svg/> })
        .collect_view();
    view! {
        <Totals total=usage.total/>
        <div class="chart-grid">{charts}</div>
    }
    .into_any()
}

#[component]
fn Totals(total: UsageTotals) -> impl IntoView {
    view! {
        <dl class="figures">
            <Figure label="Requests" value=count(total.requests)/>
            <Figure label="Errors" value=count(total.errors)/>
            <Figure label="Input tokens" value=count(total.input_tokens)/>
            <Figure label="Output tokens" value=count(total.output_tokens)/>
            <Figure label="Cost" value=micro_usd(total.cost_micro_usd)/>
        </dl>
    }
    .into_any()
}

/// An app's last seven days, on its page.
#[component]
pub fn UsageSummary(usage: UsageView) -> impl IntoView {
    view! { <Section title="Last 7 days"><UsageFigures usage/></Section> }.into_any()
}
