//! Linking an identity provider: choose which, then say which project. The choice is in the address, so it needs no script.

use keyward_domain::ids::AppId;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::LinkIssuer;
use super::kind::IssuerKind;
use crate::apps::adding;
use crate::ui::choice::{Choice, ChooseAgain};
use crate::ui::field::{Field, FieldKind};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};

#[component]
pub fn NewIssuerPage() -> impl IntoView {
    let query = use_query_map();
    let kind = Memo::new(move |_| query.with(|query| query.get("kind").and_then(|name| IssuerKind::parse(&name))));
    adding(
        "Link an identity provider",
        "Who signs your users’ tokens? Keyward checks every call against it.",
        move |id, deployment| {
            let choices = IssuerKind::offered(deployment).into_iter().map(|offered| choice(id, offered, kind));
            view! {
                <ul class="choice-grid">{choices.collect_view()}</ul>
                {move || kind.get().map(|kind| view! { <KindForm id kind/> })}
            }
            .into_any()
        },
    )
}

fn choice(id: AppId, offered: IssuerKind, kind: Memo<Option<IssuerKind>>) -> impl IntoView {
    let href = format!("/apps/{id}/issuers/new?kind={}", offered.name());
    view! { <Choice href title=offered.title() text=offered.summary() chosen=move || kind.get() == Some(offered)/> }
}

#[component]
fn KindForm(id: AppId, kind: IssuerKind) -> impl IntoView {
    let action = ServerAction::<LinkIssuer>::new();
    let error = FormError::of(action);
    view! {
        <div class="panel form-width">
            <h2 class="section-title">{kind.title()}</h2>
            <ChooseAgain href=format!("/apps/{id}/issuers/new")/>
            <PostForm action=action>
                <FormAlert error fields=shown(kind)/>
                <input type="hidden" name="app" value=id.to_string()/>
                <input type="hidden" name="kind" value=kind.name()/>
                {fields(kind, error)}
                <div><SubmitButton pending=pending(action)>"Link it"</SubmitButton></div>
            </PostForm>
        </div>
    }
    .into_any()
}

fn shown(kind: IssuerKind) -> &'static [&'static str] {
    match kind {
        IssuerKind::Firebase | IssuerKind::Supabase => &["project"],
        IssuerKind::SupabaseSecret => &["project", "secret"],
        IssuerKind::Clerk | IssuerKind::Auth0 | IssuerKind::Cognito | IssuerKind::Oidc => {
            &["issuer_url", "audience", "user_claim", "plan_claim", "anonymous_claim"]
        }
        IssuerKind::Emulator => &[],
    }
}

fn fields(kind: IssuerKind, error: FormError) -> AnyView {
    let supabase = move || {
        view! {
            <Field name="project" label="Project reference or URL" kind=FieldKind::Address error placeholder="https://abcdefghijklmnopqrst.supabase.co" hint="In Project settings, under Data API."/>
        }
    };
    match kind {
        IssuerKind::Firebase => view! {
            <Field name="project" label="Project id" error placeholder="my-app-1a2b3" hint="In the Firebase console, under Project settings. Not the project’s name or number."/>
        }
        .into_any(),
        IssuerKind::Supabase => supabase().into_any(),
        IssuerKind::SupabaseSecret => view! {
            {supabase()}
            <Field name="secret" label="JWT secret" kind=FieldKind::Secret error hint="Sealed at once and never shown again. Better: move the project to signing keys, then choose Supabase."/>
        }
        .into_any(),
        IssuerKind::Clerk | IssuerKind::Auth0 | IssuerKind::Cognito | IssuerKind::Oidc => {
            let (issuer_example, issuer_hint) = kind.issuer_hint();
            let (audience_example, audience_hint) = kind.audience_hint();
            view! {
                <Field name="issuer_url" label="Issuer" kind=FieldKind::Address error placeholder=issuer_example hint=issuer_hint/>
                <Field name="audience" label="Audience" error placeholder=audience_example hint=audience_hint/>
                {claims(error)}
            }
            .into_any()
        }
        IssuerKind::Emulator => {
            view! { <p class="muted">"Tokens that the local emulator signs will pass. Start it before you link it."</p> }.into_any()
        }
    }
}

/// The claims to read where they are not the usual ones.
fn claims(error: FormError) -> impl IntoView {
    view! {
        <Field name="user_claim" label="User id claim" optional=true error placeholder="sub" hint="Where your tokens keep the user’s id, if not in sub. Dots lead into objects."/>
        <Field name="plan_claim" label="Plan claim" optional=true error placeholder="app_metadata.plan" hint="Holds the name of one of this app’s plans. A token without it is in the default plan; a plan that does not exist is refused. Never a claim that users can edit."/>
        <Field name="anonymous_claim" label="Anonymous claim" optional=true error placeholder="is_anonymous" hint="true for users who never signed in."/>
    }
}
