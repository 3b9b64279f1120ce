//! The sign-in page.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::api::SignIn;
use crate::ui::field::{Field, FieldKind};
use crate::ui::form::{FormAlert, FormError, PostForm, SubmitButton, pending};
use crate::ui::notice::{Notice, Tone};
use crate::ui::page::PageHead;

#[component]
pub fn SignInPage() -> impl IntoView {
    let query = use_query_map();
    let next = query.read_untracked().get("next").unwrap_or_default();
    let was_confirmed = query.read_untracked().get("confirmed").is_some();
    let was_reset = query.read_untracked().get("reset").is_some();
    let action = ServerAction::<SignIn>::new();
    let error = FormError::of(action);
    view! {
        <div class="narrow">
            <PageHead title="Sign in"/>
            {was_confirmed.then(|| view! { <Notice tone=Tone::Good>"Your address is confirmed. Sign in to go on."</Notice> })}
            {was_reset.then(|| view! { <Notice tone=Tone::Good>"Your password is changed. Sign in with the new one."</Notice> })}
            <PostForm action=action>
                <FormAlert error fields=&["email", "password"]/>
                <input type="hidden" name="next" value=next/>
                <Field name="email" label="E-mail address" kind=FieldKind::Email error/>
                <Field name="password" label="Password" kind=FieldKind::CurrentPassword error/>
                <SubmitButton pending=pending(action) class="btn btn-primary btn-block">"Sign in"</SubmitButton>
            </PostForm>
            <p class="aside">
                <a class="link" href="/forgot-password">"Forgot your password?"</a>
            </p>
            <p class="aside">"New here? "<a class="link" href="/sign-up">"Create an account"</a></p>
        </div>
    }
    .into_any()
}
