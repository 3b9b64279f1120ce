//! Server functions of an invitation's link. Reading changes nothing: mail scanners open links too.

use keyward_domain::view::InvitationPageView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use crate::context::{begin_session, control, signed_in_member, whoever_is_signed_in, work_in};

#[server(endpoint = "invitation")]
pub async fn invitation(#[server(default)] token: String) -> Result<InvitationPageView, PageError> {
    let reader = signed_in_member().await?;
    Ok(control()?.invitation(&token, reader).await?)
}

/// By who was invited, signed in.
#[server(endpoint = "accept-invitation")]
pub async fn accept_invitation(#[server(default)] token: String) -> Result<(), PageError> {
    let member = whoever_is_signed_in().await?;
    let account = control()?.accept_invitation(member, &token).await?;
    work_in(account).await?;
    leptos_axum::redirect("/apps");
    Ok(())
}

/// By somebody who is no member yet. The link and the password come in one form, from whoever reads the mailbox: so they are
/// signed in with it.
#[server(endpoint = "join-by-invitation")]
pub async fn join_by_invitation(token: String, password: String) -> Result<(), PageError> {
    let (signed_in, account) = control()?.join_by_invitation(&token, &password).await?;
    begin_session(signed_in, Some(account)).await?;
    leptos_axum::redirect("/apps");
    Ok(())
}
