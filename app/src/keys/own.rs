//! Keys that users bring, and the proxy that takes over while every key rests.

use keyward_domain::ids::ProxyId;
use keyward_domain::policy::Byok;
use keyward_domain::view::{ByokView, ProxySummary};
use leptos::prelude::*;

use super::pool::KeyActions;
use crate::stored::word;
use crate::ui::card::Section;
use crate::ui::confirm::Removal;
use crate::ui::field::Select;
use crate::ui::form::{FormAlert, FormError, PostForm, Saved, SubmitButton, pending};
use crate::ui::format::counted;

#[component]
pub fn UsersOwnKeys(id: ProxyId, byok: Byok, counts: ByokView, actions: KeyActions) -> impl IntoView {
    let error = FormError::of(actions.byok);
    let choices = vec![
        ("off", "No: calls go with your keys"),
        ("optional", "They may"),
        ("required", "They must: your keys serve nobody"),
    ];
    let shown = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let says_something = byok != Byok::Off || counts.owners > 0;
    let summary = says_something.then(|| {
        let keys = counted(shown(counts.live_keys), "key", "keys");
        let users = counted(shown(counts.owners), "user", "users");
        view! { <p class="muted">{format!("{keys} in use, of {users}.")}</p> }
    });
    let revoke = (counts.live_keys > 0).then(|| {
        view! {
            <Removal
                action=actions.revoke fields=vec![("id", id.to_string())] summary="Revoke them all" verb="Revoke all of them"
                warning="Users have to bring their keys anew."
            />
        }
    });
    view! {
        <Section title="Users’ own keys" lead="Sealed with a half that only the user has: neither you nor we can open them.">
            <div class="panel form-width">
                <PostForm action=actions.byok>
                    <FormAlert error fields=&["byok"]/>
                    <input type="hidden" name="id" value=id.to_string()/>
                    <Select name="byok" label="May users bring a key of their own?" error choices value=word(&byok)/>
                    <div class="submit-row"><SubmitButton pending=pending(actions.byok) class="btn">"Save"</SubmitButton><Saved action=actions.byok/></div>
                </PostForm>
                {summary}
                <FormAlert error=FormError::of(actions.revoke)/>
                {revoke}
            </div>
        </Section>
    }
    .into_any()
}

#[component]
pub fn FallbackSection(
    id: ProxyId,
    chosen: Option<ProxyId>,
    choices: Vec<ProxySummary>,
    actions: KeyActions,
) -> impl IntoView {
    let error = FormError::of(actions.fallback);
    let content = if choices.is_empty() {
        view! { <p class="muted">"This app has no other proxy that speaks the same language."</p> }.into_any()
    } else {
        let mut options = vec![(String::new(), "None".to_owned())];
        options.extend(
            choices
                .into_iter()
                .map(|proxy| (proxy.id.to_string(), format!("{} ({})", proxy.name, proxy.provider_title))),
        );
        let now = chosen.map(|id| id.to_string()).unwrap_or_default();
        view! {
            <PostForm action=actions.fallback>
                <FormAlert error fields=&["fallback"]/>
                <input type="hidden" name="id" value=id.to_string()/>
                <Select name="fallback" label="Proxy" error choices=options value=now/>
                <div class="submit-row"><SubmitButton pending=pending(actions.fallback) class="btn">"Save"</SubmitButton><Saved action=actions.fallback/></div>
            </PostForm>
        }
        .into_any()
    };
    view! {
        <Section title="Fallback" lead="Takes the calls while every key of yours rests, but none that touch a user’s files or threads.">
            <div class="panel form-width">{content}</div>
        </Section>
    }
    .into_any()
}
