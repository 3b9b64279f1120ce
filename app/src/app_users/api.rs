//! Server functions of an app's users.

use keyward_domain::ids::{AppId, IssuerId};
use keyward_domain::view::{AppUserSearch, AppUsersView};
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {crate::context::signed_in, keyward_domain::issuer::Subject};

#[server(endpoint = "app-users")]
pub async fn app_users(id: AppId, search: AppUserSearch) -> Result<AppUsersView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.app_users(&actor, id, &search).await?)
}

#[server(endpoint = "block-user")]
pub async fn block_user(app: AppId, issuer: IssuerId, sub: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let subject = Subject { issuer, sub };
    let issuer = issuer.to_string();
    let kept = [("sub", subject.sub.as_str()), ("issuer", &issuer)];
    control.block_app_user(&actor, app, &subject).await.map_err(|error| PageError::from(error).keeping(kept))
}

#[server(endpoint = "unblock-user")]
pub async fn unblock_user(app: AppId, issuer: IssuerId, sub: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.unblock_app_user(&actor, app, &Subject { issuer, sub }).await?)
}

#[server(endpoint = "revoke-user-tokens")]
pub async fn revoke_user_tokens(app: AppId, issuer: IssuerId, sub: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.revoke_tokens_of(&actor, app, &Subject { issuer, sub }).await?)
}

#[server(endpoint = "revoke-all-tokens")]
pub async fn revoke_all_tokens(app: AppId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.revoke_all_tokens(&actor, app).await?)
}
