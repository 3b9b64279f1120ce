//! What decides the plans of single users, for the edge: it reads what has changed since it last asked. Numbers are given out
//! under a lock that is held until the commit, so that none is seen before a smaller one.

use keyward_domain::ids::{AppId, IssuerId, PlanId};
use keyward_domain::issuer::Subject;
use keyward_domain::plans::{Entitlement, PlanOverride, PurchaseSource};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::purchase_sources::source_named;
use crate::{Store, StoreError};

/// One user's purchases or override, as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanNews {
    Bought(Customer),
    /// `None` where it was taken back.
    ByHand {
        app: AppId,
        subject: Subject,
        set: Option<PlanOverride>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub app: AppId,
    pub source: PurchaseSource,
    /// When the seller was connected: what was bought before it was taken away counts no more.
    pub connected_at: OffsetDateTime,
    pub id: Uuid,
    pub subject: Option<Subject>,
    pub email: Option<String>,
    pub entitlements: Vec<Entitlement>,
}

/// As it was read, for keeping.
#[derive(Clone, FromRow, Serialize, Deserialize)]
pub struct PlanFeedRow {
    pub revision: i64,
    app_id: Uuid,
    issuer_id: Option<Uuid>,
    sub: Option<String>,
    /// Of a customer; of an override none of these.
    purchaser_id: Option<Uuid>,
    source: Option<String>,
    connected_at: Option<OffsetDateTime>,
    email: Option<String>,
    entitlements: Option<Json<Vec<Entitlement>>>,
    plan_id: Option<Uuid>,
    until: Option<OffsetDateTime>,
}

impl PlanFeedRow {
    pub fn read(self) -> Result<PlanNews, StoreError> {
        let app = AppId(self.app_id);
        let subject = self.issuer_id.zip(self.sub).map(|(issuer, sub)| Subject { issuer: IssuerId(issuer), sub });
        if let (Some(id), Some(source), Some(connected_at)) = (self.purchaser_id, self.source, self.connected_at) {
            let source = source_named(&source)?;
            let entitlements = self.entitlements.map(|Json(entitlements)| entitlements).unwrap_or_default();
            let email = self.email;
            return Ok(PlanNews::Bought(Customer { app, source, connected_at, id, subject, email, entitlements }));
        }
        let subject = subject.ok_or_else(|| StoreError::Broken("an override of nobody's plan".to_owned()))?;
        let set = self.plan_id.map(|plan| PlanOverride { plan: PlanId(plan), until: self.until });
        Ok(PlanNews::ByHand { app, subject, set })
    }
}

impl Store {
    /// The number of the last change.
    pub async fn plan_feed_end(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT revision FROM plan_feed").fetch_one(&self.pool).await?)
    }

    /// In the order of their numbers, at most `rows`, those after `revision`.
    pub async fn plan_feed(&self, revision: i64, rows: u32) -> Result<Vec<PlanFeedRow>, StoreError> {
        let rows = sqlx::query_as(
            "(SELECT revision, purchasers.app_id, issuer_id, sub, purchasers.id AS purchaser_id, purchasers.source, connected_at,
                  email, entitlements, NULL::uuid AS plan_id, NULL::timestamptz AS until
              FROM purchasers JOIN purchase_sources USING (app_id, source) WHERE revision > $1
              ORDER BY revision LIMIT $2)
             UNION ALL
             (SELECT revision, app_id, issuer_id, sub, NULL, NULL, NULL, NULL, NULL, plan_id, until
              FROM plan_overrides WHERE revision > $1 ORDER BY revision LIMIT $2)
             ORDER BY revision LIMIT $2",
        )
        .bind(revision)
        .bind(i64::from(rows))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
