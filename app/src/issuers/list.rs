//! The identity providers linked to an app.

use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::view::{AppView, IssuerView};
use leptos::prelude::*;

use super::api::{RecheckIssuer, RemoveIssuer, SetAnonymousUsers};
use crate::ui::card::{Empty, Section};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::moment;
use crate::ui::notice::{Badge, Tone};

/// The forms of each row.
#[derive(Clone, Copy)]
pub struct IssuerActions {
    recheck: ServerAction<RecheckIssuer>,
    anonymous: ServerAction<SetAnonymousUsers>,
    remove: ServerAction<RemoveIssuer>,
}

impl IssuerActions {
    pub fn unsent() -> Self {
        Self { recheck: ServerAction::new(), anonymous: ServerAction::new(), remove: ServerAction::new() }
    }

    /// Differs after each of them has done something.
    pub fn changes(self) -> [usize; 3] {
        [self.recheck.version().get(), self.anonymous.version().get(), self.remove.version().get()]
    }
}

#[component]
pub fn IssuerList(app: AppView, actions: IssuerActions) -> impl IntoView {
    let new = format!("/apps/{}/issuers/new", app.id);
    if app.issuers.is_empty() {
        return view! {
            <Section title="Identity providers">
                <Empty title="No identity provider yet" text="Until one is linked, nobody can call this app’s proxies.">
                    <a class="btn" href=new>"Link an identity provider"</a>
                </Empty>
            </Section>
        }
        .into_any();
    }
    let rows = app.issuers.into_iter().map(|issuer| view! { <IssuerRow issuer actions/> }).collect_view();
    let add = view! { <a class="btn btn-sm" href=new>"Link another"</a> }.into_any();
    view! {
        <Section title="Identity providers" actions=add>
            <FormAlert error=FormError::of(actions.recheck)/>
            <FormAlert error=FormError::of(actions.anonymous)/>
            <FormAlert error=FormError::of(actions.remove)/>
            <ul class="row-list">{rows}</ul>
        </Section>
    }
    .into_any()
}

#[component]
fn IssuerRow(issuer: IssuerView, actions: IssuerActions) -> impl IntoView {
    let IssuerActions { recheck, anonymous, remove } = actions;
    let id = issuer.id.to_string();
    let same_id = id.clone();
    let has_key_set = issuer.config.jwks_url().is_some();
    let (tone, state, note) = match &issuer.last_check {
        Some(check) if check.ok => (Tone::Good, "Reachable", format!("{}, {}", check.note, moment(check.at))),
        Some(check) => (Tone::Caution, "Not reachable", check.note.clone()),
        None if has_key_set => (Tone::Neutral, "Not checked", "Its key set has not been fetched yet.".to_owned()),
        None => (Tone::Neutral, "Shared secret", "Tokens are checked with the secret you entered.".to_owned()),
    };
    let check_again = has_key_set.then(|| {
        view! {
            <PostForm action=recheck class="contents">
                <input type="hidden" name="id" value=same_id/>
                <SubmitButton pending=pending(recheck) class="btn btn-sm">"Check again"</SubmitButton>
            </PostForm>
        }
    });
    view! {
        <li class="row">
            <div class="row-main">
                <h3 class="row-title">{issuer.config.title()}" "<Badge tone text=state/></h3>
                <p class="muted break">{issuer.config.expected_issuer()}</p>
                <p class="muted break">"Audience: " {issuer.config.expected_audience().to_owned()}</p>
                <p class="muted">{note}</p>
                {anonymous_users(&issuer)}
            </div>
            <div class="row-actions">
                {check_again}
                <AnonymousSwitch issuer=issuer action=anonymous/>
                <details class="fold fold-inline">
                    <summary>"Unlink"</summary>
                    <PostForm action=remove class="fold-body">
                        <p class="muted">"Its users can’t call this app any more."</p>
                        <input type="hidden" name="id" value=id/>
                        <SubmitButton pending=pending(remove) class="btn btn-sm btn-error">"Unlink it"</SubmitButton>
                    </PostForm>
                </details>
            </div>
        </li>
    }
    .into_any()
}

/// Nothing for a provider whose tokens don't tell.
fn anonymous_users(issuer: &IssuerView) -> Option<impl IntoView + use<>> {
    let state =
        if issuer.anonymous != AnonymousPolicy::Deny { "Anonymous users: allowed" } else { "Anonymous users: refused" };
    issuer.config.marks_anonymous_users().then(|| view! { <p class="muted">{state}</p> })
}

#[component]
fn AnonymousSwitch(issuer: IssuerView, action: ServerAction<SetAnonymousUsers>) -> impl IntoView {
    let (to, verb) = if issuer.anonymous != AnonymousPolicy::Deny {
        ("refused", "Refuse anonymous users")
    } else {
        ("allowed", "Allow anonymous users")
    };
    issuer.config.marks_anonymous_users().then(|| {
        view! {
            <PostForm action class="contents">
                <input type="hidden" name="id" value=issuer.id.to_string()/>
                <input type="hidden" name="to" value=to/>
                <SubmitButton pending=pending(action) class="btn btn-sm">{verb}</SubmitButton>
            </PostForm>
        }
    })
}
