//! A form that posts to a server function, with JavaScript or without it.
//!
//! Without JavaScript an error comes back to the page named in `?from=`, because our pages send no `Referer`.

use leptos::ev::SubmitEvent;
use leptos::form::FromFormData;
use leptos::html::Form;
use leptos::prelude::*;
use leptos::server_fn::codec::PostUrl;
use leptos::server_fn::{Http, ServerFn};
use leptos_router::hooks::use_location;
use leptos_router::location::Url;
use serde::de::DeserializeOwned;

use super::format::capitalized;
use crate::error::PageError;

/// What was wrong with the last attempt to send a form.
#[derive(Clone, Copy)]
pub struct FormError(Signal<Option<PageError>>);

impl FormError {
    pub fn of<S>(action: ServerAction<S>) -> Self
    where
        S: ServerFn<Error = PageError> + Clone + Send + Sync + 'static,
        S::Output: Send + Sync + 'static,
    {
        Self(Signal::derive(move || {
            action.value().with(|value| value.as_ref().and_then(|answer| answer.as_ref().err().cloned()))
        }))
    }

    /// Why this field was refused.
    pub fn at(self, name: &str) -> Option<String> {
        self.0.with(|error| match error {
            Some(PageError::Refused { field, reason, .. }) if field == name => Some(sentence(reason)),
            Some(_) | None => None,
        })
    }

    /// When the page is made.
    pub fn is_there(self) -> bool {
        self.0.with_untracked(Option::is_some)
    }

    /// What none of these fields shows.
    fn beside(self, names: &[&str]) -> Option<String> {
        self.0.with(|error| match error {
            Some(PageError::Refused { field, .. }) if names.contains(&field.as_str()) => None,
            Some(error) => Some(sentence(&error.to_string())),
            None => None,
        })
    }

    /// What was typed before a page without JavaScript was loaded anew, or else what the field begins with.
    pub fn typed_or(self, name: &str, begins_with: String) -> String {
        self.0
            .with_untracked(|error| match error {
                Some(PageError::Refused { kept, .. }) => kept.get(name).cloned(),
                Some(_) | None => None,
            })
            .unwrap_or(begins_with)
    }
}

/// A reason as it is written beside a field: with a capital letter and a full stop.
fn sentence(reason: &str) -> String {
    let end = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{end}", capitalized(reason))
}

/// The path and query of this page, less what an earlier error put into them.
fn this_page() -> String {
    let location = use_location();
    let path = location.pathname.get_untracked();
    let search = location.search.get_untracked();
    let query = search
        .trim_start_matches('?')
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("__err=") && !pair.starts_with("__path="))
        .collect::<Vec<_>>()
        .join("&");
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// A server function that a form of ours can be sent to, also by a browser itself.
pub trait Posted:
    ServerFn<Error = PageError, Output: Send + Sync + 'static> + DeserializeOwned + Clone + Send + Sync + 'static
{
}

impl<S, Answer> Posted for S where
    S: ServerFn<Protocol = Http<PostUrl, Answer>, Error = PageError, Output: Send + Sync + 'static>
        + DeserializeOwned
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// What is wrong with a form before it is sent.
pub type FormCheck<S> = fn(&S) -> Result<(), PageError>;

/// What becomes of what was typed once it has arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AfterSuccess {
    Keep,
    /// The form is for one more of the same.
    Clear,
}

#[component]
pub fn PostForm<S>(
    action: ServerAction<S>,
    #[prop(default = "form-stack")] class: &'static str,
    /// What the browser can tell before it asks the server; the same functions run there again.
    #[prop(optional)]
    check: Option<FormCheck<S>>,
    #[prop(default = AfterSuccess::Keep)] after: AfterSuccess,
    children: Children,
) -> impl IntoView
where
    S: Posted,
{
    let target = format!("{}?from={}", S::url(), Url::escape(&this_page()));
    let send = move |event: SubmitEvent| {
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        if action.pending().get_untracked() {
            return;
        }
        let input = S::from_event(&event).map_err(|_| PageError::incomplete());
        match input.and_then(|input| check.map_or(Ok(()), |check| check(&input)).map(|()| input)) {
            Ok(input) => drop(action.dispatch(input)),
            Err(error) => action.value().set(Some(Err(error))),
        }
    };
    let form = NodeRef::<Form>::new();
    Effect::new(move || {
        let arrived = action.value().with(|answer| matches!(answer, Some(Ok(_))));
        if let (AfterSuccess::Clear, true, Some(form)) = (after, arrived, form.get_untracked()) {
            form.reset();
        }
    });
    view! { <form node_ref=form method="post" action=target class=class on:submit=send>{children()}</form> }.into_any()
}

/// A form that the browser itself sends, whether it has scripts or not: what follows changes every page that is open in it.
#[component]
pub fn PlainForm<S>(
    /// Marks for which function it is; where that is refused, the page of `from` shows why.
    action: ServerAction<S>,
    from: &'static str,
    #[prop(default = "contents")] class: &'static str,
    children: Children,
) -> impl IntoView
where
    S: Posted,
{
    let _ = action;
    let target = format!("{}?from={}", S::url(), Url::escape(from));
    view! { <form method="post" action=target class=class>{children()}</form> }.into_any()
}

/// Shows what is wrong with the form as a whole; `fields` show theirs themselves.
#[component]
pub fn FormAlert(error: FormError, #[prop(default = &[])] fields: &'static [&'static str]) -> impl IntoView {
    view! {
        <div role="alert">
            {move || error.beside(fields).map(|text| view! { <p class="alert alert-error">{text}</p> })}
        </div>
    }
    .into_any()
}

#[component]
pub fn SubmitButton(
    pending: Memo<bool>,
    #[prop(default = "btn btn-primary")] class: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <button type="submit" class=class prop:disabled=move || pending.get() aria-busy=move || pending.get().to_string()>
            <span class="spinner" class:hidden=move || !pending.get() aria-hidden="true"></span>
            {children()}
        </button>
    }
    .into_any()
}

/// Says that a form was saved, where the page itself does not show it.
#[component]
pub fn Saved<S>(action: ServerAction<S>, #[prop(default = "Saved.")] text: &'static str) -> impl IntoView
where
    S: Posted,
{
    let saved = move || action.value().with(|answer| matches!(answer, Some(Ok(_)))) && !action.pending().get();
    view! { <span role="status" class="muted">{move || saved().then_some(text)}</span> }.into_any()
}

/// Whether a form is on its way.
pub fn pending<S>(action: ServerAction<S>) -> Memo<bool>
where
    S: ServerFn + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
    S::Error: Send + Sync + 'static,
{
    let pending = action.pending();
    Memo::new(move |_| pending.get())
}
