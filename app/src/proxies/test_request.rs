//! A real call through the edge, as a user would make it, with the answer shown.

use keyward_domain::view::{ProxyView, TestAnswer};
use leptos::prelude::*;

use super::api::SendTestRequest;
use crate::ui::card::Section;
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::millis;
use crate::ui::notice::{Badge, Tone};

#[component]
pub fn TestRequest(
    proxy: ProxyView,
    action: ServerAction<SendTestRequest>,
    earlier: Option<TestAnswer>,
) -> impl IntoView {
    let error = FormError::of(action);
    let answer = move || match action.value().get() {
        Some(Ok(answer)) => Some(answer),
        Some(Err(_)) => None,
        None => earlier.clone(),
    };
    let body = if proxy.can_send_test {
        view! {
            <PostForm action=action>
                <FormAlert error/>
                <input type="hidden" name="id" value=proxy.id.to_string()/>
                <div><SubmitButton pending=pending(action) class="btn">"Send a test request"</SubmitButton></div>
            </PostForm>
            <div aria-live="polite">{move || answer().map(|answer| view! { <Answer answer/> })}</div>
        }
        .into_any()
    } else {
        view! { <p class="muted">"For this API there is no call that is known to be harmless. Try the curl snippet above with a token of one of your users."</p> }.into_any()
    };
    view! {
        <div id="test">
            <Section title="Try it" lead="Sends one small request through the edge to the API, with your key.">
                <div class="panel">{body}</div>
            </Section>
        </div>
    }
    .into_any()
}

#[component]
fn Answer(answer: TestAnswer) -> impl IntoView {
    let tone = if (200..400).contains(&answer.status) { Tone::Good } else { Tone::Caution };
    // Zero: nobody answered.
    let status = if answer.status == 0 { "No answer".to_owned() } else { format!("Status {}", answer.status) };
    view! {
        <div class="answer">
            <p><Badge tone text=status/>" "<span class="muted">{millis(i64::try_from(answer.duration_ms).unwrap_or(i64::MAX))}</span></p>
            {(!answer.advice.is_empty()).then_some(view! { <p>{answer.advice}</p> })}
            {(!answer.body.is_empty()).then_some(view! {
                <div class="code-block"><pre tabindex="0" role="region" aria-label="Answer"><code>{answer.body}</code></pre></div>
            })}
        </div>
    }
    .into_any()
}
