//! Forgotten passwords: asking for a link, and choosing a new password with it.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::{RequestPasswordReset, ResetPassword};
use crate::ui::field::{Field, FieldKind, UserName};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::page::PageHead;

#[component]
pub fn ForgotPasswordPage() -> impl IntoView {
    let action = ServerAction::<RequestPasswordReset>::new();
    let error = FormError::of(action);
    view! {
        <div class="narrow">
            <PageHead title="Forgot your password?" lead="We send you a link with which you choose a new one."/>
            <PostForm action=action>
                <FormAlert error fields=&["email"]/>
                <Field name="email" label="E-mail address" kind=FieldKind::Email error/>
                <SubmitButton pending=pending(action) class="btn btn-primary btn-block">"Send the link"</SubmitButton>
            </PostForm>
            <p class="aside"><a class="link" href="/sign-in">"Back to sign in"</a></p>
        </div>
    }
    .into_any()
}

#[component]
pub fn ResetPasswordPage() -> impl IntoView {
    let token = use_query_map().read_untracked().get("token").unwrap_or_default();
    let action = ServerAction::<ResetPassword>::new();
    let error = FormError::of(action);
    view! {
        <div class="narrow">
            <PageHead title="Choose a new password" lead="All your sessions end; sign in again with the new password."/>
            <PostForm action=action>
                <FormAlert error fields=&["password"]/>
                <input type="hidden" name="token" value=token/>
                <UserName email=String::new()/>
                <Field name="password" label="New password" kind=FieldKind::NewPassword error hint="At least 8 characters."/>
                <SubmitButton pending=pending(action) class="btn btn-primary btn-block">"Change my password"</SubmitButton>
            </PostForm>
            <p class="aside"><a class="link" href="/forgot-password">"Ask for a new link"</a></p>
        </div>
    }
    .into_any()
}
