//! Buttons that move an entry of a list one place up or down.

use leptos::prelude::*;

use super::confirm::{Hidden, hidden};
use super::form::{PostForm, Posted, SubmitButton, pending};
use super::icon::{Icon, IconName};

/// `up` and `down` are the fields of the forms; none where there is no further to go.
#[component]
pub fn Mover<S>(
    action: ServerAction<S>,
    /// What moves, as a screen reader says it.
    #[prop(into)]
    what: String,
    up: Option<Hidden>,
    down: Option<Hidden>,
) -> impl IntoView
where
    S: Posted,
{
    let button = move |fields: Option<Hidden>, label: String, name: IconName| match fields {
        None => view! { <span class="move-gap" aria-hidden="true"></span> }.into_any(),
        Some(fields) => view! {
            <PostForm action=action class="contents">
                {hidden(fields)}
                <SubmitButton pending=pending(action) class="btn btn-sm btn-square btn-ghost move">
                    <Icon name class="icon-small"/>
                    <span class="sr-only">{label}</span>
                </SubmitButton>
            </PostForm>
        }
        .into_any(),
    };
    view! {
        <div class="mover">
            {button(up, format!("Move {what} up"), IconName::Up)}
            {button(down, format!("Move {what} down"), IconName::Down)}
        </div>
    }
    .into_any()
}
