//! Proxies as the dashboard reads and changes them; what the edge serves from is another file's.

use keyward_domain::ids::{AccountId, AppId, KeyId, ProxyId};
use keyward_domain::policy::ProxyPolicy;
use keyward_domain::provider::KeyPlacement;
use keyward_domain::rules::EndpointRule;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::accounts::one_row;
use crate::{Store, StoreError};

/// An app has so many proxies at most: each is held in the edge's memory.
pub const MAX_PROXIES_PER_APP: i64 = 50;
/// What `Conflict` names when an app has as many.
pub const TOO_MANY_PROXIES: &str = "proxies_too_many";
/// What `Conflict` names when somebody else saved in the meantime.
pub const PROXY_CHANGED: &str = "proxies_changed_meanwhile";

#[derive(FromRow)]
pub struct ProxySummaryRow {
    pub id: Uuid,
    pub name: String,
    pub slug: String,
    pub provider: String,
    pub enabled: bool,
    pub requests_last_day: i64,
}

#[derive(FromRow)]
pub struct ProxyRow {
    pub id: Uuid,
    pub app_id: Uuid,
    pub app_name: String,
    pub slug: String,
    pub name: String,
    pub provider: String,
    pub base_url: String,
    pub key_placement: Json<KeyPlacement>,
    pub enabled: bool,
    pub rules: Json<Vec<EndpointRule>>,
    pub policy: Json<ProxyPolicy>,
    pub allowed_origins: Vec<String>,
    pub updated_at: OffsetDateTime,
    pub key_hint: Option<String>,
    pub key_version: Option<i32>,
    pub app_has_issuer: bool,
}

pub struct NewProxy {
    pub id: ProxyId,
    pub app: AppId,
    pub slug: String,
    pub provider: String,
    pub settings: ProxySettings,
    pub policy: ProxyPolicy,
    pub key: NewSealedKey,
}

/// What a developer changes in one form; the policy is changed piece by piece.
pub struct ProxySettings {
    pub name: String,
    pub base_url: String,
    pub key_placement: KeyPlacement,
    pub rules: Vec<EndpointRule>,
    pub allowed_origins: Vec<String>,
}

pub struct NewSealedKey {
    pub id: KeyId,
    pub version: i32,
    pub sealed: Vec<u8>,
    pub hint: String,
}

/// The state a change was decided on; another state meanwhile is a `Conflict`.
pub struct SeenProxy {
    pub updated_at: OffsetDateTime,
    pub key_version: Option<i32>,
}

impl Store {
    pub async fn proxies(
        &self,
        account: AccountId,
        app: AppId,
        now: OffsetDateTime,
    ) -> Result<Vec<ProxySummaryRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, name, slug, provider, enabled,
                 (SELECT coalesce(sum(requests), 0)::bigint FROM usage_hours
                  WHERE usage_hours.proxy_id = proxies.id AND usage_hours.account_id = $2 AND hour > $3) AS requests_last_day
             FROM proxies WHERE app_id = $1 AND account_id = $2 ORDER BY created_at, id",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(now - Duration::DAY)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    pub async fn proxy(&self, account: AccountId, proxy: ProxyId) -> Result<ProxyRow, StoreError> {
        let row = sqlx::query_as(
            "SELECT proxies.id, proxies.app_id, apps.name AS app_name, proxies.slug, proxies.name, proxies.provider,
                 proxies.base_url, proxies.key_placement, proxies.enabled, proxies.rules, proxies.policy,
                 proxies.allowed_origins, proxies.updated_at, newest.hint AS key_hint, newest.version AS key_version,
                 EXISTS (SELECT 1 FROM issuers WHERE issuers.app_id = proxies.app_id AND issuers.account_id = $2) AS app_has_issuer
             FROM proxies
             JOIN apps ON apps.id = proxies.app_id AND apps.account_id = $2
             LEFT JOIN LATERAL (
                 SELECT hint, version FROM sealed_keys WHERE proxy_id = proxies.id AND account_id = $2 ORDER BY version DESC LIMIT 1
             ) AS newest ON true
             WHERE proxies.id = $1 AND proxies.account_id = $2",
        )
        .bind(proxy.0)
        .bind(account.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(row)
    }

    /// The proxy, switched on, and its key; `NotFound` when the app is not this account's.
    pub async fn create_proxy(
        &self,
        account: AccountId,
        new: &NewProxy,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        refuse_one_too_many(&mut tx, account, new.app).await?;
        let inserted = sqlx::query(
            "INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules,
                 policy, allowed_origins, created_at, updated_at)
             SELECT $1, apps.id, apps.account_id, $4, $5, $6, $7, $8, true, $9, $10, $11, $12, $12
             FROM apps WHERE apps.id = $2 AND apps.account_id = $3",
        )
        .bind(new.id.0)
        .bind(new.app.0)
        .bind(account.0)
        .bind(&new.slug)
        .bind(&new.settings.name)
        .bind(&new.provider)
        .bind(&new.settings.base_url)
        .bind(Json(&new.settings.key_placement))
        .bind(Json(&new.settings.rules))
        .bind(Json(&new.policy))
        .bind(&new.settings.allowed_origins)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        one_row(inserted.rows_affected())?;
        replace_key(&mut tx, account, new.id, &new.key, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Settings and, if given, the new key: both or neither.
    pub async fn save_proxy(
        &self,
        account: AccountId,
        proxy: ProxyId,
        change: (&ProxySettings, Option<&NewSealedKey>),
        seen: &SeenProxy,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let (settings, key) = change;
        let mut tx = self.pool.begin().await?;
        lock_as_seen(&mut tx, account, proxy, seen).await?;
        sqlx::query(
            "UPDATE proxies SET name = $3, base_url = $4, key_placement = $5, rules = $6,
                 allowed_origins = $7, updated_at = $8
             WHERE id = $1 AND account_id = $2",
        )
        .bind(proxy.0)
        .bind(account.0)
        .bind(&settings.name)
        .bind(&settings.base_url)
        .bind(Json(&settings.key_placement))
        .bind(Json(&settings.rules))
        .bind(&settings.allowed_origins)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if let Some(key) = key {
            replace_key(&mut tx, account, proxy, key, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    pub async fn set_proxy_enabled(
        &self,
        account: AccountId,
        proxy: ProxyId,
        enabled: bool,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query("UPDATE proxies SET enabled = $3, updated_at = $4 WHERE id = $1 AND account_id = $2")
            .bind(proxy.0)
            .bind(account.0)
            .bind(enabled)
            .bind(now)
            .execute(&self.pool)
            .await?;
        one_row(changed.rows_affected())
    }

    /// With its key, its owners' records and its usage.
    pub async fn delete_proxy(&self, account: AccountId, proxy: ProxyId) -> Result<(), StoreError> {
        let deleted = sqlx::query("DELETE FROM proxies WHERE id = $1 AND account_id = $2")
            .bind(proxy.0)
            .bind(account.0)
            .execute(&self.pool)
            .await?;
        one_row(deleted.rows_affected())
    }
}

/// The app's row is the lock: forms sent at once see each other's proxy.
async fn refuse_one_too_many(connection: &mut PgConnection, account: AccountId, app: AppId) -> Result<(), StoreError> {
    let _: Uuid = sqlx::query_scalar("SELECT id FROM apps WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE")
        .bind(app.0)
        .bind(account.0)
        .fetch_one(&mut *connection)
        .await?;
    let proxies: i64 = sqlx::query_scalar("SELECT count(*) FROM proxies WHERE app_id = $1 AND account_id = $2")
        .bind(app.0)
        .bind(account.0)
        .fetch_one(&mut *connection)
        .await?;
    if proxies < MAX_PROXIES_PER_APP {
        Ok(())
    } else {
        Err(StoreError::Conflict { constraint: TOO_MANY_PROXIES.to_owned() })
    }
}

/// Without it, one save could seal a key for a new address while another writes the old address back.
pub(crate) async fn lock_as_seen(
    connection: &mut PgConnection,
    account: AccountId,
    proxy: ProxyId,
    seen: &SeenProxy,
) -> Result<(), StoreError> {
    let updated_at: OffsetDateTime =
        sqlx::query_scalar("SELECT updated_at FROM proxies WHERE id = $1 AND account_id = $2 FOR UPDATE")
            .bind(proxy.0)
            .bind(account.0)
            .fetch_one(&mut *connection)
            .await?;
    let key_version: Option<i32> =
        sqlx::query_scalar("SELECT max(version) FROM sealed_keys WHERE proxy_id = $1 AND account_id = $2")
            .bind(proxy.0)
            .bind(account.0)
            .fetch_one(&mut *connection)
            .await?;
    if updated_at == seen.updated_at && key_version == seen.key_version {
        Ok(())
    } else {
        Err(StoreError::Conflict { constraint: PROXY_CHANGED.to_owned() })
    }
}

/// The key takes the place of all that the proxy had.
async fn replace_key(
    connection: &mut PgConnection,
    account: AccountId,
    proxy: ProxyId,
    key: &NewSealedKey,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sealed_keys WHERE proxy_id = $1 AND account_id = $2")
        .bind(proxy.0)
        .bind(account.0)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO sealed_keys (id, proxy_id, account_id, version, sealed, hint, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(key.id.0)
    .bind(proxy.0)
    .bind(account.0)
    .bind(key.version)
    .bind(&key.sealed)
    .bind(&key.hint)
    .bind(now)
    .execute(&mut *connection)
    .await?;
    Ok(())
}
