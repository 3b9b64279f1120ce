//! The keys of a proxy, of which each takes its share of the calls: listed, added, weighed, removed.

use keyward_domain::ids::{AccountId, KeyId, ProxyId};
use keyward_domain::key_pool::MAX_KEYS;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::one_row;
use crate::proxies::{NewSealedKey, SeenProxy, lock_as_seen};
use crate::{Store, StoreError};

/// What `Conflict` names when a proxy has as many keys as it may.
pub const TOO_MANY_KEYS: &str = "sealed_keys_too_many";
/// What `Conflict` names when the key is the only one, and calls need it.
pub const LAST_KEY: &str = "sealed_keys_last";

#[derive(FromRow)]
pub struct PoolKeyRow {
    pub id: Uuid,
    pub label: String,
    pub hint: String,
    pub weight: i32,
    pub created_at: OffsetDateTime,
    /// When the provider last refused it, and with which status.
    pub last_refused_at: Option<OffsetDateTime>,
    pub last_refused_status: Option<i32>,
}

/// How a key of the pool is named and used.
pub struct PoolKeySettings {
    pub label: String,
    pub weight: u32,
}

/// The provider turned a key away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRefusal {
    pub proxy: ProxyId,
    pub key: KeyId,
    pub status: u16,
    pub at: OffsetDateTime,
}

impl Store {
    /// Oldest first.
    pub async fn pool_keys(&self, account: AccountId, proxy: ProxyId) -> Result<Vec<PoolKeyRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, label, hint, weight, created_at, last_refused_at, last_refused_status
             FROM sealed_keys WHERE proxy_id = $1 AND account_id = $2 ORDER BY created_at, id",
        )
        .bind(proxy.0)
        .bind(account.0)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Beside those that are there. The seal was made for the address that was `seen`; another one meanwhile is a
    /// `Conflict`.
    pub async fn add_pool_key(
        &self,
        account: AccountId,
        proxy: ProxyId,
        (key, settings): (&NewSealedKey, &PoolKeySettings),
        seen: &SeenProxy,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_as_seen(&mut tx, account, proxy, seen).await?;
        if count(&mut tx, account, proxy).await? >= MAX_KEYS {
            return Err(StoreError::Conflict { constraint: TOO_MANY_KEYS.to_owned() });
        }
        sqlx::query(
            "INSERT INTO sealed_keys (id, proxy_id, account_id, version, sealed, hint, label, weight, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(key.id.0)
        .bind(proxy.0)
        .bind(account.0)
        .bind(key.version)
        .bind(&key.sealed)
        .bind(&key.hint)
        .bind(&settings.label)
        .bind(i32::try_from(settings.weight).unwrap_or(i32::MAX))
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn set_pool_key(
        &self,
        account: AccountId,
        proxy: ProxyId,
        key: KeyId,
        settings: &PoolKeySettings,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE sealed_keys SET label = $4, weight = $5 WHERE id = $1 AND proxy_id = $2 AND account_id = $3",
        )
        .bind(key.0)
        .bind(proxy.0)
        .bind(account.0)
        .bind(&settings.label)
        .bind(i32::try_from(settings.weight).unwrap_or(i32::MAX))
        .execute(&self.pool)
        .await?;
        one_row(changed.rows_affected())
    }

    /// Not the last one, but where every user must bring a key of their own.
    pub async fn remove_pool_key(&self, account: AccountId, proxy: ProxyId, key: KeyId) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        // The proxy's row is the lock: two removals at once see each other.
        let needs_key: bool = sqlx::query_scalar(
            "SELECT policy->>'byok' IS DISTINCT FROM 'required' FROM proxies WHERE id = $1 AND account_id = $2 FOR UPDATE",
        )
        .bind(proxy.0)
        .bind(account.0)
        .fetch_one(&mut *tx)
        .await?;
        let deleted = sqlx::query("DELETE FROM sealed_keys WHERE id = $1 AND proxy_id = $2 AND account_id = $3")
            .bind(key.0)
            .bind(proxy.0)
            .bind(account.0)
            .execute(&mut *tx)
            .await?;
        one_row(deleted.rows_affected())?;
        if needs_key && count(&mut tx, account, proxy).await? == 0 {
            return Err(StoreError::Conflict { constraint: LAST_KEY.to_owned() });
        }
        tx.commit().await?;
        Ok(())
    }

    /// For the dashboard; a key that is gone by now is passed over.
    pub async fn note_key_refusals(&self, refusals: &[KeyRefusal]) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE sealed_keys SET last_refused_at = refused.at, last_refused_status = refused.status
             FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::timestamptz[]) AS refused (proxy, key, status, at)
             WHERE sealed_keys.id = refused.key AND sealed_keys.proxy_id = refused.proxy",
        )
        .bind(refusals.iter().map(|refusal| refusal.proxy.0).collect::<Vec<_>>())
        .bind(refusals.iter().map(|refusal| refusal.key.0).collect::<Vec<_>>())
        .bind(refusals.iter().map(|refusal| i32::from(refusal.status)).collect::<Vec<_>>())
        .bind(refusals.iter().map(|refusal| refusal.at).collect::<Vec<_>>())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

async fn count(connection: &mut PgConnection, account: AccountId, proxy: ProxyId) -> Result<i64, StoreError> {
    let keys = sqlx::query_scalar("SELECT count(*) FROM sealed_keys WHERE proxy_id = $1 AND account_id = $2")
        .bind(proxy.0)
        .bind(account.0)
        .fetch_one(connection)
        .await?;
    Ok(keys)
}
