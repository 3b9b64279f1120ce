//! What stands at the top of each page of an app.

use keyward_domain::ids::AppId;
use leptos::prelude::*;

use crate::ui::page::{Crumb, PageHead};
use crate::ui::tabs::TabRow;

#[component]
pub fn AppTabs(id: AppId) -> impl IntoView {
    let base = format!("/apps/{id}");
    let links = vec![
        (base.clone(), "Overview"),
        (format!("{base}/limits"), "Limits"),
        (format!("{base}/plans"), "Plans"),
        (format!("{base}/purchases"), "Purchases"),
        (format!("{base}/users"), "Users"),
        (format!("{base}/app-check"), "App Check"),
        (format!("{base}/addresses"), "Addresses"),
        (format!("{base}/prices"), "Prices"),
    ];
    view! { <TabRow label="App" links/> }.into_any()
}

/// Of a page below the app's own.
#[component]
pub fn AppPageHead(
    id: AppId,
    name: String,
    #[prop(into)] title: String,
    #[prop(optional, into)] lead: String,
    /// Pages between the app's own and this one.
    #[prop(optional)]
    between: Vec<Crumb>,
) -> impl IntoView {
    let mut crumbs = vec![Crumb::new("Apps", "/apps"), Crumb::new(name, format!("/apps/{id}"))];
    crumbs.extend(between);
    view! {
        <PageHead title lead crumbs/>
        <AppTabs id/>
    }
    .into_any()
}
