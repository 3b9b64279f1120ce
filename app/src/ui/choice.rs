//! A choice that is made by following a link, so that it needs no script.

use leptos::prelude::*;

/// Back to all of them, where a narrow page shows only the one that was chosen.
#[component]
pub fn ChooseAgain(href: String) -> impl IntoView {
    view! { <p class="choose-again"><a class="link" href=href>"Choose another"</a></p> }.into_any()
}

/// One of several; `chosen` marks the one whose form is shown.
#[component]
pub fn Choice(
    href: String,
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    chosen: impl Fn() -> bool + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <li>
            <a class="choice" href=href aria-current=move || chosen().then_some("true")>
                <span class="choice-title">{title}</span>
                <span class="choice-text">{text}</span>
            </a>
        </li>
    }
    .into_any()
}
