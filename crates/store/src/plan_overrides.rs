//! Plans that a developer has set for single users by hand.

use keyward_domain::ids::{AccountId, AppId, PlanId};
use keyward_domain::issuer::Subject;
use keyward_domain::plans::PlanOverride;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::one_row;
use crate::{Store, StoreError};

impl Store {
    pub async fn plan_override(
        &self,
        account: AccountId,
        app: AppId,
        subject: &Subject,
    ) -> Result<Option<PlanOverride>, StoreError> {
        let row: Option<(Uuid, Option<OffsetDateTime>)> = sqlx::query_as(
            "SELECT plan_id, until FROM plan_overrides
             WHERE app_id = $1 AND account_id = $2 AND issuer_id = $3 AND sub = $4 AND plan_id IS NOT NULL",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(plan, until)| PlanOverride { plan: PlanId(plan), until }))
    }

    /// The issuer and the plan must be of this app. A user who never called can have one too.
    pub async fn set_plan_override(
        &self,
        account: AccountId,
        app: AppId,
        subject: &Subject,
        (set, now): (&PlanOverride, OffsetDateTime),
    ) -> Result<(), StoreError> {
        let written = sqlx::query(
            "INSERT INTO plan_overrides (app_id, account_id, issuer_id, sub, plan_id, until, set_at)
             SELECT issuers.app_id, issuers.account_id, issuers.id, $4, plans.id, $6, $7
             FROM issuers JOIN plans ON plans.app_id = issuers.app_id AND plans.id = $5
             WHERE issuers.id = $3 AND issuers.app_id = $1 AND issuers.account_id = $2
             ON CONFLICT (issuer_id, sub) DO UPDATE SET plan_id = excluded.plan_id, until = excluded.until,
                 set_at = excluded.set_at",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .bind(set.plan.0)
        .bind(set.until)
        .bind(now)
        .execute(&self.pool)
        .await?;
        one_row(written.rows_affected())
    }

    pub async fn clear_plan_override(
        &self,
        account: AccountId,
        app: AppId,
        subject: &Subject,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE plan_overrides SET plan_id = NULL, until = NULL
             WHERE app_id = $1 AND account_id = $2 AND issuer_id = $3 AND sub = $4",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
