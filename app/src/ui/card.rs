//! A titled section of a page, and what stands in one that has nothing to show yet.

use leptos::prelude::*;

/// A section with a heading; `actions` sit to its right.
#[component]
pub fn Section(
    #[prop(into)] title: String,
    #[prop(optional, into)] lead: String,
    #[prop(optional, into)] actions: Option<AnyView>,
    children: Children,
) -> impl IntoView {
    let lead = (!lead.is_empty()).then(|| view! { <p class="section-lead">{lead}</p> });
    view! {
        <section class="section">
            <div class="section-head">
                <div>
                    <h2 class="section-title">{title}</h2>
                    {lead}
                </div>
                {actions.map(|actions| view! { <div class="section-actions">{actions}</div> })}
            </div>
            {children()}
        </section>
    }
    .into_any()
}

/// Says what would be here, and what to do next.
#[component]
pub fn Empty(
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty">
            <p class="empty-title">{title}</p>
            <p class="empty-text">{text}</p>
            {children.map(|children| view! { <div class="empty-action">{children()}</div> })}
        </div>
    }
    .into_any()
}

/// One figure with its name.
#[component]
pub fn Figure(label: &'static str, #[prop(into)] value: String) -> impl IntoView {
    view! {
        <div class="figure">
            <dt class="figure-label">{label}</dt>
            <dd class="figure-value">{value}</dd>
        </div>
    }
    .into_any()
}
