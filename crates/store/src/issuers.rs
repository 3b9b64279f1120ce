//! Issuers linked to an app, with the outcome of the last look at their key sets.

use keyward_domain::ids::{AccountId, AppId, IssuerId};
use keyward_domain::issuer::IssuerConfig;
use keyward_domain::policy::AnonymousPolicy;
use sqlx::FromRow;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::one_row;
use crate::{Store, StoreError};

/// An app has so many issuers at most; every token is compared with each.
pub const MAX_ISSUERS_PER_APP: usize = 20;
/// What `Conflict` names when the app has the same `iss` already.
pub const ISSUER_TWICE: &str = "issuers_same_iss";
pub const TOO_MANY_ISSUERS: &str = "issuers_too_many";

#[derive(FromRow)]
pub struct IssuerRow {
    pub id: Uuid,
    pub app_id: Uuid,
    pub config: Json<IssuerConfig>,
    pub sealed_secret: Option<Vec<u8>>,
    pub anonymous_policy: Json<AnonymousPolicy>,
    pub last_check_at: Option<OffsetDateTime>,
    pub last_check_ok: Option<bool>,
    pub last_check_note: Option<String>,
}

pub struct NewIssuer {
    pub id: IssuerId,
    pub config: IssuerConfig,
    pub sealed_secret: Option<Vec<u8>>,
}

pub struct IssuerCheck {
    pub at: OffsetDateTime,
    pub ok: bool,
    pub note: String,
}

impl Store {
    pub async fn issuers(&self, account: AccountId, app: AppId) -> Result<Vec<IssuerRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, app_id, config, sealed_secret, anonymous_policy, last_check_at, last_check_ok, last_check_note
             FROM issuers WHERE app_id = $1 AND account_id = $2 ORDER BY created_at, id",
        )
        .bind(app.0)
        .bind(account.0)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    pub async fn issuer(&self, account: AccountId, issuer: IssuerId) -> Result<IssuerRow, StoreError> {
        let row = sqlx::query_as(
            "SELECT id, app_id, config, sealed_secret, anonymous_policy, last_check_at, last_check_ok, last_check_note
             FROM issuers WHERE id = $1 AND account_id = $2",
        )
        .bind(issuer.0)
        .bind(account.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(row)
    }

    /// One issuer for each `iss`: a token names its issuer by `iss` alone, so two would be a guess.
    pub async fn add_issuer(
        &self,
        account: AccountId,
        app: AppId,
        new: &NewIssuer,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        // The app's row is the lock: two forms sent at once see each other's issuer.
        let _: Uuid = sqlx::query_scalar("SELECT id FROM apps WHERE id = $1 AND account_id = $2 FOR UPDATE")
            .bind(app.0)
            .bind(account.0)
            .fetch_one(&mut *tx)
            .await?;
        let linked: Vec<Json<IssuerConfig>> =
            sqlx::query_scalar("SELECT config FROM issuers WHERE app_id = $1 AND account_id = $2")
                .bind(app.0)
                .bind(account.0)
                .fetch_all(&mut *tx)
                .await?;
        if linked.iter().any(|config| config.expected_issuer() == new.config.expected_issuer()) {
            return Err(StoreError::Conflict { constraint: ISSUER_TWICE.to_owned() });
        }
        if linked.len() >= MAX_ISSUERS_PER_APP {
            return Err(StoreError::Conflict { constraint: TOO_MANY_ISSUERS.to_owned() });
        }
        sqlx::query(
            "INSERT INTO issuers (id, app_id, account_id, config, sealed_secret, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)",
        )
        .bind(new.id.0)
        .bind(app.0)
        .bind(account.0)
        .bind(Json(&new.config))
        .bind(&new.sealed_secret)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn record_issuer_check(
        &self,
        account: AccountId,
        issuer: IssuerId,
        check: &IssuerCheck,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE issuers SET last_check_at = $3, last_check_ok = $4, last_check_note = $5
             WHERE id = $1 AND account_id = $2",
        )
        .bind(issuer.0)
        .bind(account.0)
        .bind(check.at)
        .bind(check.ok)
        .bind(&check.note)
        .execute(&self.pool)
        .await?;
        one_row(changed.rows_affected())
    }

    pub async fn set_anonymous_policy(
        &self,
        account: AccountId,
        issuer: IssuerId,
        policy: AnonymousPolicy,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let changed =
            sqlx::query("UPDATE issuers SET anonymous_policy = $3, updated_at = $4 WHERE id = $1 AND account_id = $2")
                .bind(issuer.0)
                .bind(account.0)
                .bind(Json(policy))
                .bind(now)
                .execute(&self.pool)
                .await?;
        one_row(changed.rows_affected())
    }

    pub async fn remove_issuer(&self, account: AccountId, issuer: IssuerId) -> Result<(), StoreError> {
        let deleted = sqlx::query("DELETE FROM issuers WHERE id = $1 AND account_id = $2")
            .bind(issuer.0)
            .bind(account.0)
            .execute(&self.pool)
            .await?;
        one_row(deleted.rows_affected())
    }
}
