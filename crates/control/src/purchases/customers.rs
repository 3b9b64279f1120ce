//! A seller's customers, and which users they are: found by the records, or put right by hand.

use keyward_domain::ids::{AppId, IssuerId, PurchaserId};
use keyward_domain::issuer::Subject;
use keyward_domain::plans::{LinkKind, PurchaseSource};
use keyward_domain::view::{PurchaserView, PurchasersView};
use keyward_store::StoreError;
use keyward_store::purchase_sources::SourceRef;
use keyward_store::purchasers::PurchaserRow;

use crate::app_users::well_formed;
use crate::{Actor, Control, ControlError};

const ROWS: u32 = 50;
const LONGEST_SEARCH: usize = 255;

impl Control {
    /// Those whom nobody could be found for first, then the newest. `search` is part of the customer's id, the user's, or of
    /// the address.
    pub async fn purchasers(&self, actor: &Actor, app: AppId, search: &str) -> Result<PurchasersView, ControlError> {
        let account = actor.account_id();
        let app_name = self.store().app_name(account, app).await?;
        let search = Some(search.trim()).filter(|text| !text.is_empty() && text.len() <= LONGEST_SEARCH);
        let mut rows = self.store().purchasers(account, app, search, ROWS + 1).await?;
        let more = rows.len() > ROWS as usize;
        rows.truncate(ROWS as usize);
        let purchasers = rows.into_iter().map(view).collect::<Result<_, _>>()?;
        let issuers = self.store().issuers(account, app).await?;
        let issuers = issuers
            .into_iter()
            .map(|row| (IssuerId(row.id), format!("{}: {}", row.config.0.title(), row.config.0.expected_issuer())));
        Ok(PurchasersView { app_id: app, app_name, purchasers, more, issuers: issuers.collect() })
    }

    /// Nothing that the seller's records say changes it any more.
    pub async fn link_purchaser(
        &self,
        actor: &Actor,
        purchaser: PurchaserId,
        subject: &Subject,
    ) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let subject = well_formed(subject)?;
        self.store().link_purchaser(account, purchaser.0, Some(&subject), self.now()).await?;
        self.purchase_work().there_is_some.notify_one();
        Ok(())
    }

    /// From then on the seller's records say again who it is.
    pub async fn unlink_purchaser(&self, actor: &Actor, purchaser: PurchaserId) -> Result<(), ControlError> {
        self.store().link_purchaser(actor.editing()?, purchaser.0, None, self.now()).await?;
        self.purchase_work().there_is_some.notify_one();
        Ok(())
    }

    pub async fn read_purchaser_again(&self, actor: &Actor, purchaser: PurchaserId) -> Result<(), ControlError> {
        let account = actor.editing()?;
        let (app, row) = self.store().purchaser(account, purchaser.0).await?;
        let source = SourceRef { account, app, source: source_of(&row)? };
        self.store().want_purchasers(&source, &[row.customer_id], self.now()).await?;
        self.purchase_work().there_is_some.notify_one();
        Ok(())
    }
}

fn source_of(row: &PurchaserRow) -> Result<PurchaseSource, StoreError> {
    let source = PurchaseSource::named(&row.source);
    source.ok_or_else(|| StoreError::Broken("a purchase source of another name".to_owned()))
}

fn view(row: PurchaserRow) -> Result<PurchaserView, StoreError> {
    let source = source_of(&row)?;
    Ok(PurchaserView {
        id: PurchaserId(row.id),
        source,
        customer_id: row.customer_id,
        // A user is both or nothing.
        issuer: row.issuer_id.filter(|_| row.sub.is_some()).map(IssuerId),
        sub: row.sub.filter(|_| row.issuer_id.is_some()),
        linked_by: row.linked_by.as_deref().and_then(LinkKind::named),
        named_user: row.named_user,
        email: row.email,
        entitlements: row.entitlements.0,
        read_at: row.read_at,
        last_error: row.last_error,
    })
}
