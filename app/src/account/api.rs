//! Server functions of the member's own account.

use keyward_domain::ids::SessionId;
use keyward_domain::view::{MemberView, SessionView};
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use crate::context::{begin_session, session, signed_in};

#[server(endpoint = "account")]
pub async fn account() -> Result<(MemberView, Vec<SessionView>), PageError> {
    let (control, actor) = signed_in().await?;
    let current = session()?.id().map(|id| id.to_string());
    let sessions = control.sessions(&actor, current.as_deref()).await?;
    Ok((control.member(&actor).await?, sessions))
}

#[server(endpoint = "rename-account")]
pub async fn rename_account(name: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let renamed = control.rename_account(&actor, &name).await;
    renamed.map_err(|error| PageError::from(error).keeping([("name", &name)]))
}

/// All sessions end, and this browser gets a new one.
#[server(endpoint = "change-password")]
pub async fn change_password(current: String, new: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let signed_in = control.change_password(&actor, &current, &new).await?;
    begin_session(signed_in, Some(actor.account_id())).await?;
    leptos_axum::redirect("/account?password=changed");
    Ok(())
}

#[server(endpoint = "revoke-session")]
pub async fn revoke_session(id: SessionId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.revoke_session(&actor, id).await?)
}
