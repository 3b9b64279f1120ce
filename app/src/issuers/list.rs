//! The identity providers linked to an app.

use keyward_domain::issuer::IssuerConfig;
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::view::{AppView, IssuerView, PlanName};
use leptos::prelude::*;

use super::api::{RecheckIssuer, RemoveIssuer, SetAnonymousUsers};
use crate::ui::card::{Empty, Section};
use crate::ui::confirm::{Confirm, Removal};
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
    let plans = app.plans;
    let row = |issuer| view! { <IssuerRow issuer plans=plans.clone() actions/> };
    let rows = app.issuers.into_iter().map(row).collect_view();
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
fn IssuerRow(issuer: IssuerView, plans: Vec<PlanName>, actions: IssuerActions) -> impl IntoView {
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
                <p class="muted break">"Audience: " {issuer.config.expected_audiences().join(", ")}</p>
                <p class="muted">{note}</p>
                {chosen_claims(&issuer)}
                {anonymous_users(&issuer, &plans)}
            </div>
            <div class="row-actions">
                {check_again}
                <AnonymousChoice issuer=issuer plans action=anonymous/>
                <Removal action=remove fields=vec![("id", id)] summary="Unlink" verb="Unlink it" warning="Its users can’t call this app any more."/>
            </div>
        </li>
    }
    .into_any()
}

/// Nothing where the usual claims are read.
fn chosen_claims(issuer: &IssuerView) -> Option<impl IntoView + use<>> {
    let IssuerConfig::Oidc { claims, .. } = &issuer.config else { return None };
    let named = [("User id", &claims.user), ("Plan", &claims.plan), ("Anonymous", &claims.anonymous)];
    let named = named.into_iter().filter_map(|(what, name)| Some(format!("{what}: {}", name.as_ref()?.as_str())));
    let text = named.collect::<Vec<_>>().join(" · ");
    (!text.is_empty()).then(|| view! { <p class="muted break">{text}</p> })
}

/// Nothing for a provider whose tokens don't tell.
fn anonymous_users(issuer: &IssuerView, plans: &[PlanName]) -> Option<impl IntoView + use<>> {
    let state = match issuer.anonymous {
        AnonymousPolicy::Deny => "Anonymous users: refused".to_owned(),
        AnonymousPolicy::AsOthers => "Anonymous users: allowed".to_owned(),
        AnonymousPolicy::Plan(id) => {
            let plan = plans.iter().find(|plan| plan.id == id).map_or("a plan that is gone", |plan| &plan.name);
            format!("Anonymous users: in the plan {plan}")
        }
    };
    issuer.config.marks_anonymous_users().then(|| view! { <p class="muted">{state}</p> })
}

#[component]
fn AnonymousChoice(issuer: IssuerView, plans: Vec<PlanName>, action: ServerAction<SetAnonymousUsers>) -> impl IntoView {
    let field = format!("anonymous-{}", issuer.id);
    let present = issuer.anonymous;
    let plan = move |plan: PlanName| {
        let chosen = present == AnonymousPolicy::Plan(plan.id);
        view! { <option value=plan.id.to_string() selected=chosen>{format!("In the plan {}", plan.name)}</option> }
    };
    issuer.config.marks_anonymous_users().then(|| {
        view! {
            <Confirm summary="Anonymous users">
                <PostForm action class="fold-body">
                    <p class="muted">"They cost nothing to make: give them a plan with a limit per address."</p>
                    <input type="hidden" name="id" value=issuer.id.to_string()/>
                    <label for=field.clone() class="sr-only">"What holds for anonymous users"</label>
                    <select id=field.clone() name="to" class="select">
                        <option value="refused" selected=present == AnonymousPolicy::Deny>"Refuse them"</option>
                        <option value="allowed" selected=present == AnonymousPolicy::AsOthers>"Treat them as others"</option>
                        {plans.into_iter().map(plan).collect_view()}
                    </select>
                    <SubmitButton pending=pending(action) class="btn btn-sm">"Set for anonymous users"</SubmitButton>
                </PostForm>
            </Confirm>
        }
    })
}
