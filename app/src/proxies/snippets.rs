//! The two settings to change, in each language. Tabs are radio buttons, so they work without JavaScript.

use keyward_domain::view::Snippet;
use leptos::prelude::*;

use crate::ui::card::Section;
use crate::ui::copy::CodeBlock;

#[component]
pub fn Snippets(snippets: Vec<Snippet>) -> impl IntoView {
    let tabs = snippets
        .into_iter()
        .enumerate()
        .map(|(index, snippet)| {
            let title = format!("{} code", snippet.title);
            view! {
                <input type="radio" name="snippet" class="tab" aria-label=snippet.title checked=index == 0/>
                <div class="tab-content"><CodeBlock code=snippet.code title/></div>
            }
        })
        .collect_view();
    view! {
        <div id="snippets">
            <Section title="In your app" lead="Keep your SDK. Change the base URL, and send the signed-in user’s token as the key.">
                <div class="tabs tabs-border panel" role="group" aria-label="Language">{tabs}</div>
            </Section>
        </div>
    }
    .into_any()
}
