//! One labelled input with its hint and its error. The input is the browser's own: nothing rewrites what is typed.

use leptos::prelude::*;

use super::form::FormError;

/// What an input is for, as far as the browser should treat it differently.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Email,
    /// Of somebody else: the browser must not fill in its user's own.
    OthersEmail,
    CurrentPassword,
    NewPassword,
    /// A key or a shared secret: hidden, and never offered again by the browser.
    Secret,
    Address,
    Number,
    /// `2026-12-31`
    Date,
}

impl FieldKind {
    fn input_type(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Email | Self::OthersEmail => "email",
            Self::CurrentPassword | Self::NewPassword | Self::Secret => "password",
            // `type=url` would refuse what the server explains better.
            Self::Address => "text",
            Self::Number => "number",
            Self::Date => "date",
        }
    }

    fn autocomplete(self) -> &'static str {
        match self {
            Self::Email => "username",
            Self::CurrentPassword => "current-password",
            Self::NewPassword => "new-password",
            Self::Text | Self::OthersEmail | Self::Secret | Self::Address | Self::Number | Self::Date => "off",
        }
    }

    fn input_mode(self) -> Option<&'static str> {
        match self {
            Self::Address => Some("url"),
            Self::Number => Some("numeric"),
            Self::Text
            | Self::Email
            | Self::OthersEmail
            | Self::CurrentPassword
            | Self::NewPassword
            | Self::Secret
            | Self::Date => None,
        }
    }
}

#[component]
pub fn Field(
    name: &'static str,
    label: &'static str,
    error: FormError,
    #[prop(default = FieldKind::Text)] kind: FieldKind,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] hint: String,
    #[prop(optional, into)] placeholder: String,
    #[prop(optional)] optional: bool,
    /// The id of a list of suggestions.
    #[prop(optional)]
    list: Option<&'static str>,
) -> impl IntoView {
    let id = format!("field-{name}");
    let described = format!("{id}-note");
    let wrong = Memo::new(move |_| error.at(name));
    // A secret never comes back from anywhere.
    let begins_with = match kind {
        FieldKind::CurrentPassword | FieldKind::NewPassword | FieldKind::Secret => None,
        FieldKind::Text
        | FieldKind::Email
        | FieldKind::OthersEmail
        | FieldKind::Address
        | FieldKind::Number
        | FieldKind::Date => Some(error.typed_or(name, value)),
    };
    let plain_text = matches!(kind, FieldKind::Text | FieldKind::Address | FieldKind::Secret);
    view! {
        <div class="field">
            <FieldLabel id=id.clone() label optional/>
            <input
                id=id
                name=name
                type=kind.input_type()
                autocomplete=kind.autocomplete()
                inputmode=kind.input_mode()
                autocapitalize=plain_text.then_some("none")
                spellcheck=plain_text.then_some("false")
                placeholder=(!placeholder.is_empty()).then_some(placeholder)
                value=begins_with
                list=list
                required=!optional
                aria-invalid=move || wrong.get().is_some().then_some("true")
                aria-describedby=described.clone()
                class="input"
            />
            <FieldNote id=described hint wrong/>
        </div>
    }
    .into_any()
}

/// Tells a password manager whose password a form changes; the server does not read it.
#[component]
pub fn UserName(email: String) -> impl IntoView {
    view! { <input type="text" name="username" autocomplete="username" value=email hidden=true/> }.into_any()
}

#[component]
pub fn TextArea(
    name: &'static str,
    label: &'static str,
    error: FormError,
    #[prop(into)] value: String,
    #[prop(into)] hint: String,
    rows: usize,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional)] optional: bool,
) -> impl IntoView {
    let id = format!("field-{name}");
    let described = format!("{id}-note");
    let wrong = Memo::new(move |_| error.at(name));
    view! {
        <div class="field">
            <FieldLabel id=id.clone() label optional/>
            <textarea
                id=id
                name=name
                rows=rows.to_string()
                spellcheck="false"
                autocapitalize="none"
                autocomplete="off"
                wrap="off"
                placeholder=(!placeholder.is_empty()).then_some(placeholder)
                required=!optional
                aria-invalid=move || wrong.get().is_some().then_some("true")
                aria-describedby=described.clone()
                class="textarea code-input"
            >
                {error.typed_or(name, value)}
            </textarea>
            <FieldNote id=described hint wrong/>
        </div>
    }
    .into_any()
}

/// `choices` are pairs of value and text.
#[component]
pub fn Select<C>(
    name: &'static str,
    label: &'static str,
    error: FormError,
    choices: Vec<(C, C)>,
    #[prop(into)] value: String,
    #[prop(optional, into)] hint: String,
) -> impl IntoView
where
    C: Into<String> + 'static,
{
    let id = format!("field-{name}");
    let described = format!("{id}-note");
    let wrong = Memo::new(move |_| error.at(name));
    let chosen = error.typed_or(name, value);
    let options = choices
        .into_iter()
        .map(|(value, text)| {
            let (value, text): (String, String) = (value.into(), text.into());
            let selected = value == chosen;
            view! { <option value=value selected=selected>{text}</option> }
        })
        .collect_view();
    view! {
        <div class="field">
            <FieldLabel id=id.clone() label/>
            <select
                id=id
                name=name
                class="select"
                aria-invalid=move || wrong.get().is_some().then_some("true")
                aria-describedby=described.clone()
            >
                {options}
            </select>
            <FieldNote id=described hint wrong/>
        </div>
    }
    .into_any()
}

#[component]
fn FieldLabel(id: String, label: &'static str, #[prop(optional)] optional: bool) -> impl IntoView {
    view! {
        <label for=id class="field-label">
            {label}
            {optional.then(|| view! { <span class="field-optional">" (optional)"</span> })}
        </label>
    }
    .into_any()
}

#[component]
fn FieldNote(id: String, hint: String, wrong: Memo<Option<String>>) -> impl IntoView {
    view! {
        <div id=id class="field-note">
            {move || match wrong.get() {
                Some(reason) => view! { <p class="field-error">{reason}</p> }.into_any(),
                None => view! { <p class="field-hint">{hint.clone()}</p> }.into_any(),
            }}
        </div>
    }
    .into_any()
}
