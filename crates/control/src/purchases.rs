//! Where an app's users buy: connecting a seller, its key and webhook secrets, and how it goes.

pub(crate) mod backoff;
mod customers;
mod reading;
mod reconciling;
mod webhooks;
mod work;

use keyward_domain::ids::{AccountId, AppId, WebhookSecretId};
use keyward_domain::plans::PurchaseSource;
use keyward_domain::secret::KeyHint;
use keyward_domain::view::{
    ConnectSourceForm, OfferView, PurchaseSourceView, PurchasesView, RefusedWebhookView, SourceKeyForm, SourceRunView,
    WebhookSecretForm, WebhookSecretView,
};
use keyward_payments::{Access, Mode, SellerKey, WebhookSecret};
use keyward_store::purchase_sources::{
    PurchaseSourceRow, SealedSourceKey, SealedWebhookSecret, SourceRef, WebhookSecretRow,
};
use keyward_store::{StoreError, purchase_sources};
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::webhooks::{WebhookError, WebhookTaken};
pub(crate) use self::work::PurchaseWork;
use crate::{Actor, Control, ControlError};

impl Control {
    pub async fn purchases(&self, actor: &Actor, app: AppId) -> Result<PurchasesView, ControlError> {
        let account = actor.account_id();
        let app_name = self.store().app_name(account, app).await?;
        let mut sources = Vec::new();
        for row in self.store().purchase_sources(account, app).await? {
            sources.push(self.source_view(account, app, row).await?);
        }
        let url = |source| (source, self.settings().webhook_url(app, source));
        Ok(PurchasesView { app_id: app, app_name, sources, webhook_urls: PurchaseSource::ALL.map(url).to_vec() })
    }

    /// Tried by a live call before anything is kept.
    pub async fn connect_purchases(
        &self,
        actor: &Actor,
        app: AppId,
        source: PurchaseSource,
        form: ConnectSourceForm,
    ) -> Result<(), ControlError> {
        let source = SourceRef { account: actor.editing()?, app, source };
        let (key, secret) = (Zeroizing::new(form.key), Zeroizing::new(form.webhook_secret));
        // Before anything is asked on behalf of an app that isn't there, or for nothing.
        self.store().app_name(source.account, app).await?;
        match self.store().purchase_source(&source).await {
            Err(StoreError::NotFound) => {}
            Ok(_) => return Err(StoreError::Conflict { constraint: purchase_sources::SOURCE_TWICE.to_owned() }.into()),
            Err(error) => return Err(error.into()),
        }
        let secret = match secret.trim() {
            "" => None,
            text => Some(self.seal_secret(&source, &parsed_secret(self, source.source, text)?).await?),
        };
        let key = self.checked_key(&source, &key, Mode::of(form.live)).await?;
        Ok(self.store().connect_source(&source, &key, secret.as_ref(), self.now()).await?)
    }

    /// By one of the same mode: what is bought in the other mode is bought by others.
    pub async fn replace_purchases_key(
        &self,
        actor: &Actor,
        app: AppId,
        source: PurchaseSource,
        form: SourceKeyForm,
    ) -> Result<(), ControlError> {
        let source = SourceRef { account: actor.editing()?, app, source };
        let typed = Zeroizing::new(form.key);
        let row = self.store().purchase_source(&source).await?;
        let key = self.checked_key(&source, &typed, Mode::of(row.live)).await?;
        Ok(self.store().replace_source_key(&source, &key, self.now()).await?)
    }

    /// Beside those that are there, so that none is refused while the seller changes over.
    pub async fn add_webhook_secret(
        &self,
        actor: &Actor,
        app: AppId,
        source: PurchaseSource,
        form: WebhookSecretForm,
    ) -> Result<WebhookSecretId, ControlError> {
        let source = SourceRef { account: actor.editing()?, app, source };
        let typed = Zeroizing::new(form.webhook_secret);
        self.store().purchase_source(&source).await?;
        let sealed = self.seal_secret(&source, &parsed_secret(self, source.source, &typed)?).await?;
        self.store().add_webhook_secret(&source, &sealed, self.now()).await?;
        Ok(WebhookSecretId(sealed.id))
    }

    pub async fn remove_webhook_secret(
        &self,
        actor: &Actor,
        app: AppId,
        source: PurchaseSource,
        secret: WebhookSecretId,
    ) -> Result<(), ControlError> {
        let source = SourceRef { account: actor.editing()?, app, source };
        Ok(self.store().remove_webhook_secret(&source, secret.0).await?)
    }

    /// What was bought there counts no more, within seconds.
    pub async fn disconnect_purchases(
        &self,
        actor: &Actor,
        app: AppId,
        source: PurchaseSource,
    ) -> Result<(), ControlError> {
        let source = SourceRef { account: actor.editing()?, app, source };
        Ok(self.store().disconnect_source(&source).await?)
    }

    /// What a rule can name, asked of the seller now. Empty where it has no list.
    pub async fn offers(
        &self,
        actor: &Actor,
        app: AppId,
        source: PurchaseSource,
    ) -> Result<Vec<OfferView>, ControlError> {
        let source = SourceRef { account: actor.account_id(), app, source };
        let access = self.access(&source).await?;
        let offers = self.sellers().of(source.source).offers(&access).await;
        let offers = offers.map_err(|error| ControlError::invalid("source", error))?;
        Ok(offers.into_iter().map(|offer| OfferView { name: offer.name, title: offer.title }).collect())
    }

    /// By what a connected seller is read.
    pub(crate) async fn access(&self, source: &SourceRef) -> Result<Access, ControlError> {
        let row = self.store().purchase_source(source).await?;
        let key = self.data_key(source.account).await?.open_source_key(source, &row.sealed_key)?;
        Ok(Access { key: SellerKey::new(&key), mode: Mode::of(row.live) })
    }

    async fn checked_key(&self, source: &SourceRef, typed: &str, mode: Mode) -> Result<SealedSourceKey, ControlError> {
        let seller = self.sellers().of(source.source);
        let refused = |error| ControlError::invalid("key", error);
        let access = Access { key: seller.parse_key(typed, mode).map_err(refused)?, mode };
        seller.check(&access).await.map_err(refused)?;
        let sealed = self.data_key(source.account).await?.seal_source_key(source, access.key.expose())?;
        Ok(SealedSourceKey { sealed, hint: access.key.hint(), live: mode.is_live() })
    }

    async fn seal_secret(
        &self,
        source: &SourceRef,
        secret: &WebhookSecret,
    ) -> Result<SealedWebhookSecret, ControlError> {
        let sealed = self.data_key(source.account).await?.seal_webhook_secret(source, secret.expose())?;
        Ok(SealedWebhookSecret { id: Uuid::now_v7(), sealed, hint: secret.hint() })
    }

    async fn source_view(
        &self,
        account: AccountId,
        app: AppId,
        row: PurchaseSourceRow,
    ) -> Result<PurchaseSourceView, ControlError> {
        let name = PurchaseSource::named(&row.source);
        let name = name.ok_or_else(|| StoreError::Broken("a purchase source of another name".to_owned()))?;
        let source = SourceRef { account, app, source: name };
        let secrets = self.store().webhook_secrets(&source).await?;
        let waiting = self.store().purchasers_waiting(&source).await?;
        let last_run = match (row.last_run_at, row.last_run_ok, row.last_run_note) {
            (Some(at), Some(ok), Some(note)) => Some(SourceRunView { at, ok, note }),
            _ => None,
        };
        let last_refusal = self.purchase_work().last_refusal(&source);
        let last_refusal = last_refusal.map(|(at, why)| RefusedWebhookView { at, reason: why.to_string() });
        Ok(PurchaseSourceView {
            source: name,
            last_refusal,
            live: row.live,
            key_hint: KeyHint(row.key_hint),
            connected_at: row.connected_at,
            checked_at: row.checked_at,
            secrets: secrets.into_iter().map(secret_view).collect(),
            last_run,
            waiting: u64::try_from(waiting).unwrap_or(0),
        })
    }
}

fn parsed_secret(control: &Control, source: PurchaseSource, typed: &str) -> Result<WebhookSecret, ControlError> {
    let parsed = control.sellers().of(source).parse_secret(typed);
    parsed.map_err(|reason| ControlError::invalid("webhook_secret", reason))
}

fn secret_view(row: WebhookSecretRow) -> WebhookSecretView {
    WebhookSecretView {
        id: WebhookSecretId(row.id),
        hint: KeyHint(row.hint),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
    }
}
