//! Paste a token, see every check. The token is posted, never put into an address, and never shown again.

use keyward_domain::ids::AppId;
use keyward_domain::view::{TokenCheckLine, Verdict};
use leptos::prelude::*;

use super::api::CheckToken;
use crate::ui::card::Section;
use crate::ui::field::TextArea;
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::capitalized;
use crate::ui::icon::{Icon, IconName};

#[component]
pub fn TokenCheck(
    app_id: AppId,
    action: ServerAction<CheckToken>,
    earlier: Option<Vec<TokenCheckLine>>,
) -> impl IntoView {
    let error = FormError::of(action);
    let lines = move || match action.value().get() {
        Some(Ok(lines)) => Some(lines),
        Some(Err(_)) => None,
        None => earlier.clone(),
    };
    view! {
        <Section title="Check a token" lead="Not sure why a call is refused? Paste a token of one of your users.">
            <div class="panel form-width">
                <PostForm action=action>
                    <FormAlert error fields=&["token"]/>
                    <input type="hidden" name="app" value=app_id.to_string()/>
                    <TextArea name="token" label="Token (JWT)" error value="" rows=4 hint="Used for this check only; neither stored nor logged." placeholder="eyJ…"/>
                    <div><SubmitButton pending=pending(action) class="btn">"Check the token"</SubmitButton></div>
                </PostForm>
                <div aria-live="polite">{move || lines().map(|lines| view! { <Verdicts lines/> })}</div>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Verdicts(lines: Vec<TokenCheckLine>) -> impl IntoView {
    let passed = lines.iter().all(|line| line.verdict != Verdict::Failed);
    let summary = if passed { "This token would be let through." } else { "This token would be refused." };
    let items = lines.into_iter().map(verdict).collect_view();
    view! {
        <div class="verdicts">
            <p class="verdict-summary">{summary}</p>
            <ul>{items}</ul>
        </div>
    }
    .into_any()
}

fn verdict(line: TokenCheckLine) -> impl IntoView {
    let (class, word, icon) = match line.verdict {
        Verdict::Passed => ("verdict-mark verdict-passed", "Passed: ", Some(IconName::Check)),
        Verdict::Failed => ("verdict-mark verdict-failed", "Failed: ", Some(IconName::Cross)),
        Verdict::NotChecked => ("verdict-mark", "Not checked: ", None),
    };
    view! {
        <li class="verdict">
            <span class=class>{icon.map(|name| view! { <Icon name class="icon-small"/> })}</span>
            <div>
                <p class="step-title"><span class="sr-only">{word}</span>{line.check}</p>
                <p class="muted break">{capitalized(&line.reason)}</p>
            </div>
        </li>
    }
    .into_any()
}
