//! The rules that put an app's users in its plans, and the order of the plans. Both change under the app's lock, which a plan
//! needs to be deleted too: no rule names a plan that is gone.

use keyward_domain::ids::{AccountId, AppId, PlanId};
use keyward_domain::plans::PlanRule;
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Store, StoreError};

/// What `Conflict` names when the plans no longer stand as they were seen.
pub const PLANS_REORDERED: &str = "plans_reordered";

impl Store {
    /// Nothing is written when `change` says no; it gets the app's plans too.
    pub async fn change_plan_rules<E: From<StoreError>>(
        &self,
        account: AccountId,
        app: AppId,
        change: impl FnOnce(&mut Vec<PlanRule>, &[PlanId]) -> Result<(), E> + Send,
    ) -> Result<(), E> {
        let mut tx = self.pool.begin().await.map_err(StoreError::from)?;
        let stored: Value = sqlx::query_scalar(
            "SELECT coalesce(policy->'plan_rules', '[]') FROM apps WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE",
        )
        .bind(app.0)
        .bind(account.0)
        .fetch_one(&mut *tx)
        .await
        .map_err(StoreError::from)?;
        let plans = in_order(&mut tx, account, app).await?;
        let mut rules: Vec<PlanRule> = serde_json::from_value(stored).map_err(StoreError::from)?;
        change(&mut rules, &plans)?;
        sqlx::query("UPDATE apps SET policy = jsonb_set(policy, '{plan_rules}', $3) WHERE id = $1 AND account_id = $2")
            .bind(app.0)
            .bind(account.0)
            .bind(Json(&rules))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::from)?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// `upper` must stand right before `lower`; then it is the other way around.
    pub async fn swap_plans(
        &self,
        account: AccountId,
        app: AppId,
        (upper, lower): (PlanId, PlanId),
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let _: Uuid = sqlx::query_scalar("SELECT id FROM apps WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE")
            .bind(app.0)
            .bind(account.0)
            .fetch_one(&mut *tx)
            .await?;
        let mut plans = in_order(&mut tx, account, app).await?;
        let Some(place) = plans.windows(2).position(|pair| pair == [upper, lower]) else {
            return Err(StoreError::Conflict { constraint: PLANS_REORDERED.to_owned() });
        };
        plans.swap(place, place + 1);
        let ids: Vec<Uuid> = plans.into_iter().map(|plan| plan.0).collect();
        sqlx::query(
            "UPDATE plans SET position = ordered.place
             FROM unnest($3::uuid[]) WITH ORDINALITY AS ordered (id, place)
             WHERE plans.id = ordered.id AND plans.app_id = $1 AND plans.account_id = $2 AND position <> ordered.place",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(ids)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn in_order(connection: &mut PgConnection, account: AccountId, app: AppId) -> Result<Vec<PlanId>, StoreError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM plans WHERE app_id = $1 AND account_id = $2 ORDER BY position, created_at, id",
    )
    .bind(app.0)
    .bind(account.0)
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(PlanId).collect())
}
