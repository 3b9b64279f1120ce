//! A line that says how one check went: a mark, what was checked, and why it went so.

use leptos::prelude::*;

use super::icon::{Icon, IconName};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Passed,
    /// An error.
    Failed,
    /// Without weight: whether it fits decides nothing here.
    Fits,
    Misses,
    Open,
}

#[component]
pub fn VerdictLine(mark: Mark, #[prop(into)] title: AnyView, #[prop(into)] text: String) -> impl IntoView {
    let (class, word, icon) = match mark {
        Mark::Passed => ("verdict-mark verdict-passed", "Passed: ", Some(IconName::Check)),
        Mark::Failed => ("verdict-mark verdict-failed", "Failed: ", Some(IconName::Cross)),
        Mark::Fits => ("verdict-mark", "Fits: ", Some(IconName::Check)),
        Mark::Misses => ("verdict-mark", "Does not fit: ", Some(IconName::Cross)),
        Mark::Open => ("verdict-mark", "Not checked: ", None),
    };
    view! {
        <li class="verdict">
            <span class=class>{icon.map(|name| view! { <Icon name class="icon-small"/> })}</span>
            <div>
                <p class="step-title"><span class="sr-only">{word}</span>{title}</p>
                <p class="muted break">{text}</p>
            </div>
        </li>
    }
    .into_any()
}
