//! An act that can't be taken back asks once more. Opens without JavaScript.

use leptos::prelude::*;

use super::form::{FormAlert, FormError, PostForm, Posted, SubmitButton, pending};

/// What a form says without asking: names and values of its hidden fields.
pub type Hidden = Vec<(&'static str, String)>;

/// `children` is the form that does it.
#[component]
pub fn Confirm(summary: &'static str, children: Children) -> impl IntoView {
    view! {
        <details class="fold fold-inline">
            <summary>{summary}</summary>
            {children()}
        </details>
    }
    .into_any()
}

/// Takes one entry out of a list; what went wrong is shown above the list.
#[component]
pub fn Removal<S>(
    action: ServerAction<S>,
    fields: Hidden,
    #[prop(optional)] warning: &'static str,
    #[prop(default = "Remove")] summary: &'static str,
    #[prop(default = "Remove it")] verb: &'static str,
) -> impl IntoView
where
    S: Posted,
{
    view! {
        <Confirm summary>
            <PostForm action=action class="fold-body">
                {(!warning.is_empty()).then(|| view! { <p class="muted">{warning}</p> })}
                {hidden(fields)}
                <SubmitButton pending=pending(action) class="btn btn-sm btn-error">{verb}</SubmitButton>
            </PostForm>
        </Confirm>
    }
    .into_any()
}

/// The end of something as a whole, with what else ends with it.
#[component]
pub fn Danger<S>(
    action: ServerAction<S>,
    fields: Hidden,
    summary: &'static str,
    warning: &'static str,
    #[prop(default = "Delete for good")] verb: &'static str,
) -> impl IntoView
where
    S: Posted,
{
    let error = FormError::of(action);
    // Without JavaScript, a page that was loaded anew shows why nothing happened.
    let open = error.is_there();
    view! {
        <details class="fold" open=open>
            <summary>{summary}</summary>
            <p class="muted">{warning}</p>
            <PostForm action=action>
                <FormAlert error/>
                {hidden(fields)}
                <div><SubmitButton pending=pending(action) class="btn btn-error">{verb}</SubmitButton></div>
            </PostForm>
        </details>
    }
    .into_any()
}

pub fn hidden(fields: Hidden) -> impl IntoView {
    fields.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view()
}
