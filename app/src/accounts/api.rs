//! Server functions of a member's accounts. They need a session, and no account.

use keyward_domain::ids::AccountId;
use keyward_domain::view::AccountSummary;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use crate::context::{control, signed_in_to, whoever_is_signed_in, work_in};

#[server(endpoint = "accounts")]
pub async fn accounts() -> Result<Vec<AccountSummary>, PageError> {
    let member = whoever_is_signed_in().await?;
    Ok(control()?.accounts_of(member).await?)
}

#[server(endpoint = "switch-account")]
pub async fn switch_account(account: AccountId) -> Result<(), PageError> {
    let (_, actor) = signed_in_to(account).await?;
    work_in(actor.account_id()).await?;
    leptos_axum::redirect("/apps");
    Ok(())
}

#[server(endpoint = "open-account")]
pub async fn open_account() -> Result<(), PageError> {
    let member = whoever_is_signed_in().await?;
    let account = control()?.open_account(member).await?;
    work_in(account).await?;
    leptos_axum::redirect("/apps");
    Ok(())
}
