//! What an invitation's link shows: who invites to what, and the one form that fits its reader.

use keyward_domain::view::{InvitationPageView, InvitationReader};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use leptos_router::location::Url;

use super::api::{AcceptInvitation, JoinByInvitation, invitation};
use crate::error::PageError;
use crate::layout::SignOutButton;
use crate::ui::field::{Field, FieldKind, UserName};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::format::dated_moment;
use crate::ui::loading::loaded;
use crate::ui::notice::{Notice, Tone};
use crate::ui::page::PageHead;

#[component]
pub fn InvitationPage() -> impl IntoView {
    let token = use_query_map().read_untracked().get("token").unwrap_or_default();
    let accept = ServerAction::<AcceptInvitation>::new();
    let join = ServerAction::<JoinByInvitation>::new();
    let asked = token.clone();
    // A dead link is a page of its own, and no error of the server's.
    let resource = Resource::new(
        move || asked.clone(),
        |token| async move {
            match invitation(token).await {
                Ok(view) => Ok(Some(view)),
                Err(PageError::Refused { .. }) => Ok(None),
                Err(other) => Err(other),
            }
        },
    );
    loaded(resource, move |view| match view {
        Some(view) => content(view, token.clone(), accept, join),
        None => dead(),
    })
}

fn content(
    view: InvitationPageView,
    token: String,
    accept: ServerAction<AcceptInvitation>,
    join: ServerAction<JoinByInvitation>,
) -> AnyView {
    let title = format!("Join {}", view.account_name);
    let lead = format!(
        "{} invites {} to this account, with the role {}. The link works until {}.",
        view.invited_by,
        view.email,
        view.role.title().to_lowercase(),
        dated_moment(view.expires_at)
    );
    let form = match view.reader {
        InvitationReader::Invited => accept_form(token, accept),
        InvitationReader::Another { email } => another(&email, &view.email),
        InvitationReader::SignedOut => sign_in_first(&token),
        InvitationReader::Stranger => join_form(token, view.email, join),
    };
    view! { <div class="narrow"><PageHead title lead/>{form}</div> }.into_any()
}

fn accept_form(token: String, action: ServerAction<AcceptInvitation>) -> AnyView {
    view! {
        <PostForm action=action>
            <FormAlert error=FormError::of(action)/>
            <input type="hidden" name="token" value=token/>
            <SubmitButton pending=pending(action) class="btn btn-primary btn-block">"Join the account"</SubmitButton>
        </PostForm>
    }
    .into_any()
}

fn join_form(token: String, email: String, action: ServerAction<JoinByInvitation>) -> AnyView {
    let error = FormError::of(action);
    view! {
        <PostForm action=action>
            <FormAlert error fields=&["password"]/>
            <input type="hidden" name="token" value=token/>
            <UserName email/>
            <Field name="password" label="Choose a password" kind=FieldKind::NewPassword error hint="At least 8 characters. A few words in a row are easy to remember."/>
            <SubmitButton pending=pending(action) class="btn btn-primary btn-block">"Join the account"</SubmitButton>
        </PostForm>
    }
    .into_any()
}

fn sign_in_first(token: &str) -> AnyView {
    let here = format!("/invitation?token={token}");
    let href = format!("/sign-in?next={}", Url::escape(&here));
    view! {
        <p>"You are a member already. Sign in, and you come back here."</p>
        <p class="aside"><a class="btn btn-primary btn-block" href=href>"Sign in to accept"</a></p>
    }
    .into_any()
}

fn another(signed_in: &str, invited: &str) -> AnyView {
    let text = format!(
        "You are signed in as {signed_in}, and the invitation is for {invited}. Sign out, and open the link in the mail again."
    );
    view! {
        <Notice tone=Tone::Caution><p>{text}</p></Notice>
        <div class="aside"><SignOutButton class="btn btn-block"/></div>
    }
    .into_any()
}

fn dead() -> AnyView {
    view! {
        <div class="narrow">
            <PageHead title="This invitation is over" lead="It was accepted or withdrawn, or its days are over. Ask whoever invited you to send it again."/>
            <p class="aside"><a class="link" href="/sign-in">"Sign in"</a></p>
        </div>
    }
    .into_any()
}
