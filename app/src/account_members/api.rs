//! Server functions of an account's people. Forms name their account: the one that the page showed, whichever the session has
//! come to work in since.

use keyward_domain::ids::{AccountId, InvitationId, MemberId};
use keyward_domain::view::AccountMembersView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::{signed_in, signed_in_to, visitor_address, work_in},
    keyward_domain::role::Role,
};

#[server(endpoint = "account-members")]
pub async fn account_members() -> Result<AccountMembersView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.account_members(&actor).await?)
}

#[server(endpoint = "invite")]
pub async fn invite(account: AccountId, email: String, role: String) -> Result<(), PageError> {
    let (control, actor) = signed_in_to(account).await?;
    let invited = control.invite(&actor, &email, parse(&role)?, visitor_address()?).await;
    invited.map_err(|error| PageError::from(error).keeping([("email", &email), ("role", &role)]))
}

#[server(endpoint = "resend-invitation")]
pub async fn resend_invitation(account: AccountId, invitation: InvitationId) -> Result<(), PageError> {
    let (control, actor) = signed_in_to(account).await?;
    Ok(control.resend_invitation(&actor, invitation, visitor_address()?).await?)
}

#[server(endpoint = "withdraw-invitation")]
pub async fn withdraw_invitation(account: AccountId, invitation: InvitationId) -> Result<(), PageError> {
    let (control, actor) = signed_in_to(account).await?;
    Ok(control.withdraw_invitation(&actor, invitation).await?)
}

#[server(endpoint = "set-role")]
pub async fn set_role(account: AccountId, member: MemberId, role: String) -> Result<(), PageError> {
    let (control, actor) = signed_in_to(account).await?;
    Ok(control.set_role(&actor, member, parse(&role)?).await?)
}

#[server(endpoint = "remove-member")]
pub async fn remove_member(account: AccountId, member: MemberId) -> Result<(), PageError> {
    let (control, actor) = signed_in_to(account).await?;
    Ok(control.remove_member(&actor, member).await?)
}

/// On in another account, if there is one.
#[server(endpoint = "leave-account")]
pub async fn leave_account(account: AccountId) -> Result<(), PageError> {
    let (control, actor) = signed_in_to(account).await?;
    control.leave_account(&actor).await?;
    match control.accounts_of(actor.member_id()).await?.first() {
        Some(other) => {
            work_in(other.id).await?;
            leptos_axum::redirect("/apps");
        }
        None => leptos_axum::redirect("/accounts"),
    }
    Ok(())
}

#[cfg(feature = "ssr")]
fn parse(role: &str) -> Result<Role, PageError> {
    Role::parse(role).map_err(|error| PageError::refused("role", error.to_string()))
}
