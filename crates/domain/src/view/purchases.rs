//! Where an app's users buy, and who has bought what, as the dashboard shows it.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ids::{AppId, IssuerId, PurchaserId, WebhookSecretId};
use crate::plans::{Entitlement, LinkKind, PurchaseSource};
use crate::secret::KeyHint;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchasesView {
    pub app_id: AppId,
    pub app_name: String,
    /// Those that are connected.
    pub sources: Vec<PurchaseSourceView>,
    /// Where each seller's webhooks would have to go, connected or not.
    pub webhook_urls: Vec<(PurchaseSource, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseSourceView {
    pub source: PurchaseSource,
    pub live: bool,
    pub key_hint: KeyHint,
    pub connected_at: OffsetDateTime,
    /// When the seller last took the key.
    pub checked_at: OffsetDateTime,
    /// Newest first.
    pub secrets: Vec<WebhookSecretView>,
    /// Of the reconciler.
    pub last_run: Option<SourceRunView>,
    /// The last webhook that was refused by the server that shows this, if none was taken since.
    pub last_refusal: Option<RefusedWebhookView>,
    /// Customers whose purchases are still to be read.
    pub waiting: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedWebhookView {
    pub at: OffsetDateTime,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecretView {
    pub id: WebhookSecretId,
    pub hint: KeyHint,
    pub created_at: OffsetDateTime,
    /// When a webhook last came that was signed with it, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRunView {
    pub at: OffsetDateTime,
    pub ok: bool,
    pub note: String,
}

/// Never stored as it is.
#[derive(Clone, Serialize, Deserialize)]
pub struct ConnectSourceForm {
    pub live: bool,
    pub key: String,
    /// Can come later: some sellers make it up after they know the address.
    pub webhook_secret: String,
}

/// Never stored as it is.
#[derive(Clone, Serialize, Deserialize)]
pub struct SourceKeyForm {
    pub key: String,
}

/// Never stored as it is.
#[derive(Clone, Serialize, Deserialize)]
pub struct WebhookSecretForm {
    pub webhook_secret: String,
}

impl std::fmt::Debug for ConnectSourceForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectSourceForm(…)")
    }
}

impl std::fmt::Debug for SourceKeyForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SourceKeyForm(…)")
    }
}

impl std::fmt::Debug for WebhookSecretForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSecretForm(…)")
    }
}

/// Something a rule can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferView {
    pub name: String,
    pub title: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchasersView {
    pub app_id: AppId,
    pub app_name: String,
    /// Those without a user first, then the newest.
    pub purchasers: Vec<PurchaserView>,
    /// There are more than are shown: search for them.
    pub more: bool,
    /// For linking by hand.
    pub issuers: Vec<(IssuerId, String)>,
}

/// A seller's customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaserView {
    pub id: PurchaserId,
    pub source: PurchaseSource,
    pub customer_id: String,
    pub issuer: Option<IssuerId>,
    pub sub: Option<String>,
    pub linked_by: Option<LinkKind>,
    /// Whom the seller's records name, found or not.
    pub named_user: Option<String>,
    pub email: Option<String>,
    pub entitlements: Vec<Entitlement>,
    /// `None` for one that was not read yet.
    pub read_at: Option<OffsetDateTime>,
    /// Why it could not be read, or why nobody was found.
    pub last_error: Option<String>,
}
