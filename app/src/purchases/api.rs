//! Server functions of sellers. Keys and secrets come in and never go out, not even in an error.

use keyward_domain::ids::{AppId, WebhookSecretId};
use keyward_domain::plans::PurchaseSource;
use keyward_domain::view::{EmailLink, OfferView, PurchasersView, PurchasesView};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::words::ShopMode;
use crate::error::PageError;

#[cfg(feature = "ssr")]
use {
    crate::context::signed_in,
    crate::stored::word,
    keyward_domain::view::{ConnectSourceForm, SourceKeyForm, WebhookSecretForm},
};

/// Everything the page of purchases shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchasesPageView {
    pub purchases: PurchasesView,
    pub customers: PurchasersView,
    pub search: String,
    pub email_link: EmailLink,
}

#[server(endpoint = "purchases-page")]
pub async fn purchases_page(app: AppId, #[server(default)] search: String) -> Result<PurchasesPageView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(PurchasesPageView {
        purchases: control.purchases(&actor, app).await?,
        customers: control.purchasers(&actor, app, &search).await?,
        email_link: control.plan_rules(&actor, app).await?.email_link,
        search,
    })
}

#[server(endpoint = "purchases")]
pub async fn purchases(app: AppId) -> Result<PurchasesView, PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.purchases(&actor, app).await?)
}

/// What a rule can name, asked of the seller now. They are suggestions: without a seller that answers, there are none.
#[server(endpoint = "offers")]
pub async fn offers(app: AppId, source: PurchaseSource) -> Result<Vec<OfferView>, PageError> {
    let (control, actor) = signed_in().await?;
    let view = control.purchases(&actor, app).await?;
    if view.sources.iter().all(|connected| connected.source != source) {
        return Ok(Vec::new());
    }
    Ok(control.offers(&actor, app, source).await.unwrap_or_default())
}

#[server(endpoint = "connect-purchases")]
pub async fn connect_purchases(
    app: AppId,
    source: PurchaseSource,
    mode: ShopMode,
    #[server(default)] key: String,
    #[server(default)] webhook_secret: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = ConnectSourceForm { live: mode == ShopMode::Live, key, webhook_secret };
    let connected = control.connect_purchases(&actor, app, source, form).await;
    connected.map_err(|error| PageError::from(error).keeping([("mode", &word(&mode))]))?;
    leptos_axum::redirect(&format!("/apps/{app}/purchases"));
    Ok(())
}

#[server(endpoint = "replace-purchases-key")]
pub async fn replace_purchases_key(
    app: AppId,
    source: PurchaseSource,
    #[server(default)] key: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.replace_purchases_key(&actor, app, source, SourceKeyForm { key }).await?)
}

#[server(endpoint = "add-webhook-secret")]
pub async fn add_webhook_secret(
    app: AppId,
    source: PurchaseSource,
    #[server(default)] webhook_secret: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    control.add_webhook_secret(&actor, app, source, WebhookSecretForm { webhook_secret }).await?;
    Ok(())
}

#[server(endpoint = "remove-webhook-secret")]
pub async fn remove_webhook_secret(
    app: AppId,
    source: PurchaseSource,
    secret: WebhookSecretId,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.remove_webhook_secret(&actor, app, source, secret).await?)
}

#[server(endpoint = "disconnect-purchases")]
pub async fn disconnect_purchases(app: AppId, source: PurchaseSource) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.disconnect_purchases(&actor, app, source).await?)
}
