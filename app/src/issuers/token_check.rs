//! Paste a token, see every check. The token is posted, never put into an address, and never shown again.

use keyward_domain::ids::AppId;
use keyward_domain::view::{TokenCheckLine, Verdict};
use leptos::prelude::*;

use super::api::CheckToken;
use crate::ui::card::Section;
use crate::ui::field::TextArea;
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::capitalized;
use crate::ui::verdict::{Mark, VerdictLine};

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
    let mark = match line.verdict {
        Verdict::Passed => Mark::Passed,
        Verdict::Failed => Mark::Failed,
        Verdict::NotChecked => Mark::Open,
    };
    view! { <VerdictLine mark title=line.check.into_any() text=capitalized(&line.reason)/> }
}
