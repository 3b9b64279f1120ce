//! The head of a page: where one is, its one `h1`, and what can be done here. And the page of an error.

use leptos::prelude::*;
use leptos_meta::Title;

use super::icon::{Icon, IconName};
use crate::error::PageError;

/// A step of the way to this page.
pub struct Crumb {
    pub text: String,
    pub href: String,
}

impl Crumb {
    pub fn new(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { text: text.into(), href: href.into() }
    }
}

#[component]
pub fn PageHead(
    #[prop(into)] title: String,
    #[prop(optional, into)] lead: String,
    #[prop(optional)] crumbs: Vec<Crumb>,
    #[prop(optional, into)] actions: Option<AnyView>,
) -> impl IntoView {
    let way = (!crumbs.is_empty()).then(|| {
        let steps = crumbs
            .into_iter()
            .enumerate()
            .map(|(index, crumb)| {
                let mark = (index > 0).then(|| view! { <Icon name=IconName::Chevron class="icon-small"/> });
                view! { <li>{mark}<a href=crumb.href>{crumb.text}</a></li> }
            })
            .collect_view();
        view! { <nav aria-label="Breadcrumb" class="crumbs"><ol>{steps}</ol></nav> }
    });
    let lead = (!lead.is_empty()).then(|| view! { <p class="page-lead">{lead}</p> });
    view! {
        <Title text=format!("{title} · Keyward")/>
        <div class="page-head">
            <div class="page-head-text">
                {way}
                <h1 class="page-title">{title}</h1>
                {lead}
            </div>
            {actions.map(|actions| view! { <div class="page-actions">{actions}</div> })}
        </div>
    }
    .into_any()
}

/// Sets the response's status too, while it can still be set.
#[component]
pub fn ErrorPage(error: PageError) -> impl IntoView {
    set_status(&error);
    let (title, way_out, href) = match &error {
        PageError::NotFound => ("Page not found", "Back to your apps", "/apps"),
        PageError::SignedOut => ("You are signed out", "Sign in", "/sign-in"),
        PageError::NoAccount => ("Not your account any more", "Choose an account", "/accounts"),
        PageError::Forbidden => ("Not allowed", "Back to your apps", "/apps"),
        PageError::Refused { .. }
        | PageError::TooManyAttempts { .. }
        | PageError::Internal
        | PageError::Unreachable => ("That did not work", "Back to your apps", "/apps"),
    };
    let text = error.to_string();
    view! {
        <Title text=format!("{title} · Keyward")/>
        <div class="error-page">
            <h1 class="page-title">{title}</h1>
            <p class="page-lead">{text}</p>
            <a class="btn btn-primary" href=href>{way_out}</a>
        </div>
    }
    .into_any()
}

#[cfg(feature = "ssr")]
fn set_status(error: &PageError) {
    if let (Some(options), Ok(status)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::StatusCode::from_u16(error.status()))
    {
        options.set_status(status);
    }
}

#[cfg(not(feature = "ssr"))]
fn set_status(_error: &PageError) {}
