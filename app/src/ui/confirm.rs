//! An act that can't be taken back asks once more. Opens without JavaScript.

use leptos::prelude::*;

/// `children` is the form that does it.
#[component]
pub fn Confirm(summary: &'static str, children: Children) -> impl IntoView {
    view! {
        <details class="fold fold-inline">
            <summary>{summary}</summary>
            {children()}
        </details>
    }
    .into_any()
}
