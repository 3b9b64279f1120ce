//! Apps, each with its default plan.

use keyward_domain::ids::{AccountId, AppId, PlanId};
use sqlx::FromRow;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::accounts::one_row;
use crate::{Store, StoreError};

/// An account has so many apps at most: everything in them is held in the edge's memory.
pub const MAX_APPS_PER_ACCOUNT: i64 = 50;
/// What `Conflict` names when an account has as many.
pub const TOO_MANY_APPS: &str = "apps_too_many";

#[derive(FromRow)]
pub struct AppSummaryRow {
    pub id: Uuid,
    pub name: String,
    pub issuers: i64,
    pub proxies: i64,
    pub requests_last_day: i64,
}

impl Store {
    pub async fn apps(&self, account: AccountId, now: OffsetDateTime) -> Result<Vec<AppSummaryRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT apps.id, apps.name,
                 (SELECT count(*) FROM issuers WHERE issuers.app_id = apps.id AND issuers.account_id = $1) AS issuers,
                 (SELECT count(*) FROM proxies WHERE proxies.app_id = apps.id AND proxies.account_id = $1) AS proxies,
                 (SELECT coalesce(sum(requests), 0)::bigint FROM usage_hours
                  WHERE usage_hours.account_id = $1 AND usage_hours.app_id = apps.id AND hour > $2) AS requests_last_day
             FROM apps WHERE apps.account_id = $1
             ORDER BY apps.created_at, apps.id",
        )
        .bind(account.0)
        .bind(now - Duration::DAY)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    pub async fn app_name(&self, account: AccountId, app: AppId) -> Result<String, StoreError> {
        let name = sqlx::query_scalar("SELECT name FROM apps WHERE id = $1 AND account_id = $2")
            .bind(app.0)
            .bind(account.0)
            .fetch_one(&self.pool)
            .await?;
        Ok(name)
    }

    pub async fn app_by_name(&self, account: AccountId, name: &str) -> Result<Option<AppId>, StoreError> {
        let id: Option<Uuid> = sqlx::query_scalar("SELECT id FROM apps WHERE account_id = $1 AND name = $2")
            .bind(account.0)
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        Ok(id.map(AppId))
    }

    /// The app and its default plan: an app without a plan would refuse everybody.
    pub async fn create_app(&self, account: AccountId, name: &str, now: OffsetDateTime) -> Result<AppId, StoreError> {
        self.create_app_within(account, name, MAX_APPS_PER_ACCOUNT, now).await
    }

    /// The same, where the account has room for so many.
    pub async fn create_app_within(
        &self,
        account: AccountId,
        name: &str,
        most: i64,
        now: OffsetDateTime,
    ) -> Result<AppId, StoreError> {
        let (app, plan) = (AppId(Uuid::now_v7()), PlanId(Uuid::now_v7()));
        let mut tx = self.pool.begin().await?;
        // The account's row is the lock: forms sent at once see each other's app.
        let _: Uuid = sqlx::query_scalar("SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE")
            .bind(account.0)
            .fetch_one(&mut *tx)
            .await?;
        let apps: i64 = sqlx::query_scalar("SELECT count(*) FROM apps WHERE account_id = $1")
            .bind(account.0)
            .fetch_one(&mut *tx)
            .await?;
        if apps >= most.min(MAX_APPS_PER_ACCOUNT) {
            return Err(StoreError::Conflict { constraint: TOO_MANY_APPS.to_owned() });
        }
        sqlx::query("INSERT INTO apps (id, account_id, name, created_at) VALUES ($1, $2, $3, $4)")
            .bind(app.0)
            .bind(account.0)
            .bind(name)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO plans (id, app_id, account_id, name, is_default, created_at) VALUES ($1, $2, $3, 'Default', true, $4)",
        )
        .bind(plan.0)
        .bind(app.0)
        .bind(account.0)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(app)
    }

    pub async fn rename_app(&self, account: AccountId, app: AppId, name: &str) -> Result<(), StoreError> {
        let changed = sqlx::query("UPDATE apps SET name = $3 WHERE id = $1 AND account_id = $2")
            .bind(app.0)
            .bind(account.0)
            .bind(name)
            .execute(&self.pool)
            .await?;
        one_row(changed.rows_affected())
    }

    /// With its issuers, plans, proxies, sealed keys and usage.
    pub async fn delete_app(&self, account: AccountId, app: AppId) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        // Its proxies first and in order, as the edge's batches hold them: neither waits for what the other has.
        sqlx::query("SELECT id FROM proxies WHERE app_id = $1 AND account_id = $2 ORDER BY id FOR UPDATE")
            .bind(app.0)
            .bind(account.0)
            .execute(&mut *tx)
            .await?;
        let deleted = sqlx::query("DELETE FROM apps WHERE id = $1 AND account_id = $2")
            .bind(app.0)
            .bind(account.0)
            .execute(&mut *tx)
            .await?;
        one_row(deleted.rows_affected())?;
        tx.commit().await?;
        Ok(())
    }
}
