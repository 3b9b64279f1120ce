//! A line that says what just happened or what to mind.

use leptos::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Neutral,
    Caution,
}

#[component]
pub fn Notice(tone: Tone, children: Children) -> impl IntoView {
    let class = match tone {
        Tone::Good => "alert alert-success",
        Tone::Neutral => "alert alert-neutral",
        Tone::Caution => "alert alert-warning",
    };
    view! { <div class=class role="status">{children()}</div> }.into_any()
}

/// A word in a pill.
#[component]
pub fn Badge(tone: Tone, #[prop(into)] text: String) -> impl IntoView {
    let class = match tone {
        Tone::Good => "pill pill-good",
        Tone::Neutral => "pill",
        Tone::Caution => "pill pill-caution",
    };
    view! { <span class=class>{text}</span> }.into_any()
}
