//! Light or dark: the browser's preference, unless the visitor chose one, which a cookie remembers.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::deployment::Deployment;
use crate::error::PageError;
use crate::ui::form::PostForm;
use crate::ui::icon::{Icon, IconName};

pub const COOKIE: &str = "theme";
const LIGHT: &str = "light";
const DARK: &str = "dark";

/// The theme the visitor chose, for `<html data-theme>`; `None` follows the browser.
#[cfg(feature = "ssr")]
pub fn chosen() -> Option<&'static str> {
    match crate::context::cookie(COOKIE).as_deref() {
        Some(LIGHT) => Some(LIGHT),
        Some(DARK) => Some(DARK),
        Some(_) | None => None,
    }
}

#[server(endpoint = "set-theme")]
pub async fn set_theme(theme: String) -> Result<String, PageError> {
    let theme = if theme == DARK { DARK } else { LIGHT };
    let options = use_context::<leptos_axum::ResponseOptions>().ok_or(PageError::Internal)?;
    let secure = match use_context::<Deployment>().ok_or(PageError::Internal)? {
        Deployment::Production => "; Secure",
        Deployment::Development => "",
    };
    let cookie = format!("{COOKIE}={theme}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{secure}");
    let cookie = http::HeaderValue::from_str(&cookie).map_err(|_| PageError::Internal)?;
    options.append_header(http::header::SET_COOKIE, cookie);
    Ok(theme.to_owned())
}

/// Both buttons are there; the style sheet shows the one that changes something.
#[component]
pub fn ThemeToggle() -> impl IntoView {
    let action = ServerAction::<SetTheme>::new();
    Effect::new(move || {
        let Some(Ok(theme)) = action.value().get() else { return };
        if let Some(root) = document().document_element() {
            // Fails only for a malformed attribute name.
            drop(root.set_attribute("data-theme", &theme));
        }
    });
    view! {
        <PostForm action=action class="contents">
            <button type="submit" name="theme" value=DARK class="btn btn-ghost btn-square btn-sm when-light" aria-label="Switch to dark">
                <Icon name=IconName::Moon/>
            </button>
            <button type="submit" name="theme" value=LIGHT class="btn btn-ghost btn-square btn-sm when-dark" aria-label="Switch to light">
                <Icon name=IconName::Sun/>
            </button>
        </PostForm>
    }
    .into_any()
}
