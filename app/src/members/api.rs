//! Server functions of sign-up, sign-in and the links sent by mail. All are public; `control` slows down guessing.

use keyward_domain::view::{DevMailView, MemberView};
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use crate::context::{begin_session, control, end_session, local_path, signed_in, visitor_address};

#[server(endpoint = "sign-up")]
pub async fn sign_up(email: String, password: String) -> Result<(), PageError> {
    control()?.sign_up(&email, &password, visitor_address()?).await?;
    leptos_axum::redirect("/check-your-mail");
    Ok(())
}

/// Signs nobody in: a link may be opened by somebody else than whoever chose the password.
#[server(endpoint = "verify-email")]
pub async fn verify_email(token: String) -> Result<(), PageError> {
    control()?.verify_email(&token).await?;
    leptos_axum::redirect("/sign-in?confirmed=yes");
    Ok(())
}

#[server(endpoint = "request-verification")]
pub async fn request_verification(email: String) -> Result<(), PageError> {
    control()?.request_verification(&email, visitor_address()?).await?;
    leptos_axum::redirect("/check-your-mail");
    Ok(())
}

#[server(endpoint = "sign-in")]
pub async fn sign_in(email: String, password: String, #[server(default)] next: String) -> Result<(), PageError> {
    let signed_in = control()?.sign_in(&email, &password, visitor_address()?).await?;
    begin_session(signed_in, None).await?;
    leptos_axum::redirect(local_path(&next, "/apps"));
    Ok(())
}

#[server(endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), PageError> {
    end_session().await?;
    leptos_axum::redirect("/");
    Ok(())
}

#[server(endpoint = "request-password-reset")]
pub async fn request_password_reset(email: String) -> Result<(), PageError> {
    control()?.request_password_reset(&email, visitor_address()?).await?;
    leptos_axum::redirect("/check-your-mail");
    Ok(())
}

#[server(endpoint = "reset-password")]
pub async fn reset_password(token: String, password: String) -> Result<(), PageError> {
    control()?.reset_password(&token, &password, visitor_address()?).await?;
    end_session().await?;
    leptos_axum::redirect("/sign-in?reset=done");
    Ok(())
}

/// Who is signed in, for the page's header.
#[server(endpoint = "member")]
pub async fn member() -> Result<MemberView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.member(&actor).await?)
}

/// Development only; in production there is nothing at this address.
#[server(endpoint = "dev-mails")]
pub async fn dev_mails() -> Result<Vec<DevMailView>, PageError> {
    Ok(control()?.dev_mails().await?)
}
