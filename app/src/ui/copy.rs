//! Text to take along: shown in full, with a button that copies it where JavaScript runs.

use std::time::Duration;

use leptos::prelude::*;

/// How long the button says that it worked.
const THANKS: Duration = Duration::from_secs(2);

/// One line, such as an address.
#[component]
pub fn CopyLine(#[prop(into)] text: String, label: &'static str) -> impl IntoView {
    view! {
        <div class="copy-line">
            <code class="copy-text">{text.clone()}</code>
            <CopyButton text label/>
        </div>
    }
    .into_any()
}

/// A block of code.
#[component]
pub fn CodeBlock(#[prop(into)] code: String, #[prop(into)] title: String) -> impl IntoView {
    view! {
        <div class="code-block">
            <pre tabindex="0" role="region" aria-label=title><code>{code.clone()}</code></pre>
            <CopyButton text=code label="Copy the code"/>
        </div>
    }
    .into_any()
}

/// Not there until the page is alive: without JavaScript it could do nothing.
#[component]
pub fn CopyButton(text: String, label: &'static str) -> impl IntoView {
    let alive = RwSignal::new(false);
    let copied = RwSignal::new(false);
    Effect::new(move || alive.set(true));
    let copy = move |_| {
        let clipboard = window().navigator().clipboard();
        // A browser has none for a page that came over plain HTTP from another machine; the text is there to select.
        if clipboard.is_undefined() {
            return;
        }
        let writing = wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&text));
        leptos::task::spawn_local(async move {
            if writing.await.is_ok() {
                copied.set(true);
                set_timeout(move || copied.set(false), THANKS);
            }
        });
    };
    view! {
        <button type="button" class="btn btn-sm copy-button" class:invisible=move || !alive.get() aria-label=label on:click=copy>
            {move || if copied.get() { "Copied" } else { "Copy" }}
        </button>
    }
    .into_any()
}
