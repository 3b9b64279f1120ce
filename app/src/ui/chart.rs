//! A picture that the server drew, with the sentence that says the same.

use leptos::prelude::*;

/// `svg` is markup of our own making, never what a visitor sent.
#[component]
pub fn Chart(title: String, description: String, svg: String) -> impl IntoView {
    view! {
        <figure class="chart">
            <figcaption class="chart-title">{title}</figcaption>
            <div class="chart-picture" role="img" aria-label=description inner_html=svg></div>
        </figure>
    }
    .into_any()
}
