//! Plans of an app, in the developer's order: one is the default, the others are for whom something names them.

use keyward_domain::ids::{AccountId, AppId, PlanId};
use keyward_domain::policy::PlanPolicy;
use sqlx::FromRow;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::one_row;
use crate::{Store, StoreError};

/// All are held in the edge's memory.
pub const MAX_PLANS_PER_APP: i64 = 50;
/// What `Conflict` names when an app has as many.
pub const TOO_MANY_PLANS: &str = "plans_too_many";
/// What `Conflict` names when the app has a plan of this name.
pub const PLAN_NAME_TAKEN: &str = "plans_name_taken";
/// What `Conflict` names when an app would be left without its default plan.
pub const DEFAULT_PLAN: &str = "plans_default";
/// What `Conflict` names when a rule puts users in the plan.
pub const PLAN_IN_RULES: &str = "plans_in_rules";
/// The constraint by which an issuer's anonymous users hold on to their plan.
pub const ANONYMOUS_PLAN: &str = "issuers_anonymous_plan";

#[derive(FromRow)]
pub struct PlanRow {
    pub id: Uuid,
    pub app_id: Uuid,
    pub app_name: String,
    pub name: String,
    pub is_default: bool,
    pub policy: Json<PlanPolicy>,
}

impl Store {
    /// In the developer's order.
    pub async fn plans(&self, account: AccountId, app: AppId) -> Result<Vec<PlanRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT plans.id, plans.app_id, apps.name AS app_name, plans.name, plans.is_default, plans.policy
             FROM plans JOIN apps ON apps.id = plans.app_id AND apps.account_id = $2
             WHERE plans.app_id = $1 AND plans.account_id = $2
             ORDER BY plans.position, plans.created_at, plans.id",
        )
        .bind(app.0)
        .bind(account.0)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    pub async fn plan(&self, account: AccountId, plan: PlanId) -> Result<PlanRow, StoreError> {
        let row = sqlx::query_as(
            "SELECT plans.id, plans.app_id, apps.name AS app_name, plans.name, plans.is_default, plans.policy
             FROM plans JOIN apps ON apps.id = plans.app_id AND apps.account_id = $2
             WHERE plans.id = $1 AND plans.account_id = $2",
        )
        .bind(plan.0)
        .bind(account.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(row)
    }

    /// Without any limit of its own, behind all others.
    pub async fn create_plan(
        &self,
        account: AccountId,
        app: AppId,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<PlanId, StoreError> {
        let plan = PlanId(Uuid::now_v7());
        let mut tx = self.pool.begin().await?;
        // The app's row is the lock: forms sent at once see each other's plan.
        let _: Uuid = sqlx::query_scalar("SELECT id FROM apps WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE")
            .bind(app.0)
            .bind(account.0)
            .fetch_one(&mut *tx)
            .await?;
        let (plans, of_this_name): (i64, i64) = sqlx::query_as(
            "SELECT count(*), count(*) FILTER (WHERE name = $3) FROM plans WHERE app_id = $1 AND account_id = $2",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(name)
        .fetch_one(&mut *tx)
        .await?;
        if of_this_name > 0 {
            return Err(StoreError::Conflict { constraint: PLAN_NAME_TAKEN.to_owned() });
        }
        if plans >= MAX_PLANS_PER_APP {
            return Err(StoreError::Conflict { constraint: TOO_MANY_PLANS.to_owned() });
        }
        sqlx::query(
            "INSERT INTO plans (id, app_id, account_id, name, is_default, created_at, position)
             SELECT $1, $2, $3, $4, false, $5, coalesce(max(position), 0) + 1 FROM plans WHERE app_id = $2 AND account_id = $3",
        )
        .bind(plan.0)
        .bind(app.0)
        .bind(account.0)
        .bind(name)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(plan)
    }

    pub async fn rename_plan(&self, account: AccountId, plan: PlanId, name: &str) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let app: Uuid = sqlx::query_scalar(
            "SELECT apps.id FROM apps JOIN plans ON plans.app_id = apps.id
             WHERE plans.id = $1 AND plans.account_id = $2 AND apps.account_id = $2 FOR NO KEY UPDATE OF apps",
        )
        .bind(plan.0)
        .bind(account.0)
        .fetch_one(&mut *tx)
        .await?;
        let taken: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM plans WHERE app_id = $1 AND account_id = $2 AND name = $3 AND id <> $4)",
        )
        .bind(app)
        .bind(account.0)
        .bind(name)
        .bind(plan.0)
        .fetch_one(&mut *tx)
        .await?;
        if taken {
            return Err(StoreError::Conflict { constraint: PLAN_NAME_TAKEN.to_owned() });
        }
        sqlx::query("UPDATE plans SET name = $3 WHERE id = $1 AND account_id = $2")
            .bind(plan.0)
            .bind(account.0)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Never the default one: without it the app would refuse everybody. Nor one that a rule names: a rule of nothing.
    pub async fn delete_plan(&self, account: AccountId, plan: PlanId) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let (is_default, in_rules): (bool, bool) = sqlx::query_as(
            "SELECT plans.is_default, coalesce(apps.policy->'plan_rules', '[]') @> jsonb_build_array(jsonb_build_object('plan', plans.id))
             FROM apps JOIN plans ON plans.app_id = apps.id
             WHERE plans.id = $1 AND plans.account_id = $2 AND apps.account_id = $2 FOR NO KEY UPDATE OF apps",
        )
        .bind(plan.0)
        .bind(account.0)
        .fetch_one(&mut *tx)
        .await?;
        for (holds, constraint) in [(is_default, DEFAULT_PLAN), (in_rules, PLAN_IN_RULES)] {
            if holds {
                return Err(StoreError::Conflict { constraint: constraint.to_owned() });
            }
        }
        let deleted = sqlx::query("DELETE FROM plans WHERE id = $1 AND account_id = $2 AND NOT is_default")
            .bind(plan.0)
            .bind(account.0)
            .execute(&mut *tx)
            .await?;
        one_row(deleted.rows_affected())?;
        tx.commit().await?;
        Ok(())
    }
}
