//! The pages that belong together, as a row of links; the present one is marked.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// `links` are pairs of address and text. The one whose address is this page's, or begins it, is the present one.
#[component]
pub fn TabRow(label: &'static str, links: Vec<(String, &'static str)>) -> impl IntoView {
    let path = use_location().pathname;
    let shortest = links.first().map(|(href, _)| href.clone()).unwrap_or_default();
    let items = links
        .into_iter()
        .map(|(href, text)| {
            // Every other page lies below the first.
            let below = (href != shortest).then(|| format!("{href}/"));
            let own = href.clone();
            let here = move || {
                path.with(|path| *path == own || below.as_ref().is_some_and(|below| path.starts_with(below)))
                    .then_some("page")
            };
            view! { <li><a class="tab-link" href=href aria-current=here>{text}</a></li> }
        })
        .collect_view();
    view! { <nav class="tab-row" aria-label=label><ul>{items}</ul></nav> }.into_any()
}
