//! The pages that make a member: sign-up, and the confirmation of the address.

use keyward_domain::validate;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{RequestVerification, SignUp, VerifyEmail};
use crate::error::PageError;
use crate::ui::field::{Field, FieldKind};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::page::PageHead;

fn check(form: &SignUp) -> Result<(), PageError> {
    let email =
        validate::EmailAddress::parse(&form.email).map_err(|error| PageError::refused("email", error.to_string()))?;
    validate::password(&form.password, email.as_str())
        .map_err(|error| PageError::refused("password", error.to_string()))
}

#[component]
pub fn SignUpPage() -> impl IntoView {
    let action = ServerAction::<SignUp>::new();
    let error = FormError::of(action);
    view! {
        <div class="narrow">
            <PageHead title="Create your account" lead="Free to set up. You need an e-mail address and a password."/>
            <PostForm action=action check=check>
                <FormAlert error fields=&["email", "password"]/>
                <Field name="email" label="E-mail address" kind=FieldKind::Email error/>
                <Field name="password" label="Password" kind=FieldKind::NewPassword error hint="At least 8 characters. A few words in a row are easy to remember."/>
                <SubmitButton pending=pending(action) class="btn btn-primary btn-block">"Sign up"</SubmitButton>
            </PostForm>
            <p class="aside">"Already a member? "<a class="link" href="/sign-in">"Sign in"</a></p>
        </div>
    }
    .into_any()
}

/// Opening the link changes nothing, since mail scanners open links too: the button does.
#[component]
pub fn VerifyPage() -> impl IntoView {
    let token = use_query_map().read_untracked().get("token").unwrap_or_default();
    let action = ServerAction::<VerifyEmail>::new();
    let error = FormError::of(action);
    view! {
        <div class="narrow">
            <PageHead title="Confirm your address" lead="One click; then sign in with your password."/>
            <PostForm action=action>
                <FormAlert error/>
                <input type="hidden" name="token" value=token/>
                <SubmitButton pending=pending(action) class="btn btn-primary btn-block">"Confirm my address"</SubmitButton>
            </PostForm>
            <SendAgain/>
        </div>
    }
    .into_any()
}

#[component]
pub fn SendAgain() -> impl IntoView {
    let action = ServerAction::<RequestVerification>::new();
    let error = FormError::of(action);
    view! {
        <details class="fold">
            <summary>"The link does not work, or did not arrive"</summary>
            <PostForm action=action>
                <FormAlert error fields=&["email"]/>
                <Field name="email" label="E-mail address" kind=FieldKind::Email error/>
                <SubmitButton pending=pending(action) class="btn btn-block">"Send a new link"</SubmitButton>
            </PostForm>
        </details>
    }
    .into_any()
}
