//! Server functions of a seller's customers.

use keyward_domain::ids::{IssuerId, PurchaserId};
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {crate::context::signed_in, keyward_domain::issuer::Subject};

#[server(endpoint = "link-purchaser")]
pub async fn link_purchaser(id: PurchaserId, issuer: IssuerId, sub: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.link_purchaser(&actor, id, &Subject { issuer, sub }).await?)
}

#[server(endpoint = "unlink-purchaser")]
pub async fn unlink_purchaser(id: PurchaserId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.unlink_purchaser(&actor, id).await?)
}

#[server(endpoint = "read-purchaser-again")]
pub async fn read_purchaser_again(id: PurchaserId) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.read_purchaser_again(&actor, id).await?)
}
