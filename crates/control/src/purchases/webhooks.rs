//! Webhooks: verified, then written down with the customers to be read again, and only then answered.

use keyward_domain::ids::AppId;
use keyward_domain::plans::PurchaseSource;
use keyward_payments::{Mode, Webhook, WebhookRefusal, WebhookSecret};
use keyward_store::StoreError;
use keyward_store::purchase_sources::SourceRef;
use keyward_store::purchasers::NewPurchaseEvent;
use uuid::Uuid;

use crate::{Control, ControlError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookTaken {
    Now,
    /// It came before; nothing changed.
    Before,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("no app here has connected this seller")]
    NotConnected,
    #[error("{0}")]
    Refused(#[from] WebhookRefusal),
    /// Sent again later, it can be taken.
    #[error("it can't be written down now")]
    Unavailable,
}

impl From<ControlError> for WebhookError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::NotFound => Self::NotConnected,
            ControlError::Forbidden
            | ControlError::Invalid { .. }
            | ControlError::Conflict { .. }
            | ControlError::TooManyAttempts { .. }
            | ControlError::Internal => Self::Unavailable,
        }
    }
}

impl From<StoreError> for WebhookError {
    fn from(error: StoreError) -> Self {
        ControlError::from(error).into()
    }
}

impl Control {
    /// A signature that does not fit costs no write.
    pub async fn take_webhook(
        &self,
        (app, source): (AppId, PurchaseSource),
        webhook: Webhook<'_>,
    ) -> Result<WebhookTaken, WebhookError> {
        let seller = self.sellers().of(source);
        let header = seller.signature_header();
        if !webhook.headers.contains_key(header) {
            return Err(WebhookRefusal::NoSignature(header).into());
        }
        let from = self.store().source_of_webhooks(app, source).await?;
        let secrets = self.open_secrets(&from.source).await?;
        let (ids, secrets): (Vec<Uuid>, Vec<WebhookSecret>) = secrets.into_iter().unzip();
        let now = self.now();
        let verified = seller.verify(webhook, &secrets, Mode::of(from.live), now);
        let (signed_with, event) = verified.inspect_err(|why| self.purchase_work().refused(&from.source, *why, now))?;
        let new = NewPurchaseEvent { id: &event.id, kind: &event.kind, customers: &event.customers };
        let is_new = self.store().take_purchase_event(&from.source, &new, now).await?;
        self.purchase_work().taken(&from.source);
        if let Some(secret) = ids.get(signed_with)
            && let Err(error) = self.store().webhook_secret_used(&from.source, *secret, now).await
        {
            // The event is kept; only the page will not say that this secret is in use.
            tracing::warn!(%error, "the use of a webhook secret could not be noted");
        }
        self.purchase_work().there_is_some.notify_one();
        Ok(if is_new { WebhookTaken::Now } else { WebhookTaken::Before })
    }

    async fn open_secrets(&self, source: &SourceRef) -> Result<Vec<(Uuid, WebhookSecret)>, ControlError> {
        let rows = self.store().webhook_secrets(source).await?;
        let data_key = self.data_key(source.account).await?;
        let mut secrets = Vec::new();
        for row in rows {
            let opened = data_key.open_webhook_secret(source, &row.sealed)?;
            secrets.push((row.id, WebhookSecret::new(&opened)));
        }
        Ok(secrets)
    }
}
