//! Server functions of the account's tier.

#[cfg(feature = "ssr")]
use keyward_domain::tiers::TierName;
use keyward_domain::view::BillingView;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use crate::context::signed_in;

#[server(endpoint = "billing")]
pub async fn billing() -> Result<Option<BillingView>, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.billing(&actor).await?)
}

/// On to Stripe's page.
#[server(endpoint = "start-checkout")]
pub async fn start_checkout(#[server(default)] tier: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let tier = TierName::named(&tier).ok_or(PageError::NotFound)?;
    leptos_axum::redirect(control.start_checkout(&actor, tier).await?.as_str());
    Ok(())
}

/// On to Stripe's page.
#[server(endpoint = "open-portal")]
pub async fn open_portal() -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    leptos_axum::redirect(control.open_portal(&actor).await?.as_str());
    Ok(())
}
