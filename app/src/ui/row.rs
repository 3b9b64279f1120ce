//! One entry of a list: what it is, what is to be known of it, and what can be done with it.

use leptos::prelude::*;

/// `children` are the lines below the title.
#[component]
pub fn Row(#[prop(into)] title: AnyView, #[prop(into)] actions: AnyView, children: Children) -> impl IntoView {
    view! {
        <li class="row">
            <div class="row-main">
                <h3 class="row-title">{title}</h3>
                {children()}
            </div>
            <div class="row-actions">{actions}</div>
        </li>
    }
    .into_any()
}
