//! App users' own provider keys. The edge asks by proxy and owner, the dashboard by account; neither sees a share.

use keyward_domain::byok::MAX_KEYS_PER_OWNER;
use keyward_domain::ids::{AccountId, AppId, ByokKeyId, IssuerId, ProxyId};
use keyward_domain::issuer::Subject;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::one_row;
use crate::byok_sealing::SealedByokKey;
use crate::{Store, StoreError};

/// What `Conflict` names when a user has as many keys on a proxy as they may.
pub const TOO_MANY_BYOK_KEYS: &str = "byok_keys_too_many";

/// A key that may be used, with all that is needed to open it but the share.
#[derive(Clone)]
pub struct StoredByokKey {
    pub owner: Subject,
    pub account: AccountId,
    pub wrapped_data_key: Vec<u8>,
    pub sealed: SealedByokKey,
    pub expires_at: Option<OffsetDateTime>,
}

#[derive(FromRow)]
struct StoredRow {
    account_id: Uuid,
    issuer_id: Uuid,
    sub: String,
    version: i32,
    share_hash: Vec<u8>,
    server_part: Vec<u8>,
    sealed: Vec<u8>,
    expires_at: Option<OffsetDateTime>,
    wrapped_data_key: Vec<u8>,
}

/// As its owner sees it.
#[derive(FromRow)]
pub struct ByokKeyRow {
    pub id: Uuid,
    pub hint: String,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub expires_at: Option<OffsetDateTime>,
    pub last_used_at: Option<OffsetDateTime>,
}

pub struct NewByokKey {
    pub id: ByokKeyId,
    pub account: AccountId,
    pub app: AppId,
    pub proxy: ProxyId,
    pub owner: Subject,
    pub sealed: SealedByokKey,
    pub hint: String,
    pub expires_at: Option<OffsetDateTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRow)]
pub struct ByokCounts {
    /// That may be used now.
    pub live: i64,
    pub owners: i64,
}

impl Store {
    /// `None` when this proxy has no such key, or has it no more.
    pub async fn byok_key(&self, proxy: ProxyId, id: ByokKeyId) -> Result<Option<StoredByokKey>, StoreError> {
        let row: Option<StoredRow> = sqlx::query_as(
            "SELECT byok_keys.account_id, issuer_id, sub, version, share_hash, server_part, sealed, expires_at,
                 accounts.wrapped_data_key
             FROM byok_keys JOIN accounts ON accounts.id = byok_keys.account_id
             WHERE byok_keys.id = $1 AND proxy_id = $2 AND revoked_at IS NULL",
        )
        .bind(id.0)
        .bind(proxy.0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| StoredByokKey {
            owner: Subject { issuer: IssuerId(row.issuer_id), sub: row.sub },
            account: AccountId(row.account_id),
            wrapped_data_key: row.wrapped_data_key,
            sealed: SealedByokKey {
                version: row.version,
                server_part: row.server_part,
                sealed: row.sealed,
                share_hash: row.share_hash,
            },
            expires_at: row.expires_at,
        }))
    }

    /// The owner's own that are not revoked, newest first.
    pub async fn byok_keys_of(&self, proxy: ProxyId, owner: &Subject) -> Result<Vec<ByokKeyRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, hint, created_at, updated_at, expires_at, last_used_at FROM byok_keys
             WHERE proxy_id = $1 AND issuer_id = $2 AND sub = $3 AND revoked_at IS NULL ORDER BY created_at DESC, id",
        )
        .bind(proxy.0)
        .bind(owner.issuer.0)
        .bind(&owner.sub)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    pub async fn insert_byok_key(&self, new: &NewByokKey, now: OffsetDateTime) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        // There is no row yet that two requests of one user could meet at.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("byok {} {} {}", new.proxy, new.owner.issuer, new.owner.sub))
            .execute(&mut *tx)
            .await?;
        let held: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM byok_keys
             WHERE proxy_id = $1 AND issuer_id = $2 AND sub = $3 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $4)",
        )
        .bind(new.proxy.0)
        .bind(new.owner.issuer.0)
        .bind(&new.owner.sub)
        .bind(now)
        .fetch_one(&mut *tx)
        .await?;
        if held >= MAX_KEYS_PER_OWNER {
            return Err(StoreError::Conflict { constraint: TOO_MANY_BYOK_KEYS.to_owned() });
        }
        sqlx::query(
            "INSERT INTO byok_keys (id, account_id, app_id, proxy_id, issuer_id, sub, version, share_hash, server_part, sealed,
                 hint, created_at, updated_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)",
        )
        .bind(new.id.0)
        .bind(new.account.0)
        .bind(new.app.0)
        .bind(new.proxy.0)
        .bind(new.owner.issuer.0)
        .bind(&new.owner.sub)
        .bind(new.sealed.version)
        .bind(&new.sealed.share_hash)
        .bind(&new.sealed.server_part)
        .bind(&new.sealed.sealed)
        .bind(&new.hint)
        .bind(now)
        .bind(new.expires_at)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Another share or another key in place of what the caller opened; `NotFound` when that is no longer there.
    pub async fn reseal_byok_key(
        &self,
        proxy: ProxyId,
        (id, owner): (ByokKeyId, &Subject),
        (sealed, hint): (&SealedByokKey, Option<&str>),
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE byok_keys SET version = $5, share_hash = $6, server_part = $7, sealed = $8, hint = coalesce($9, hint), updated_at = $10
             WHERE id = $1 AND proxy_id = $2 AND issuer_id = $3 AND sub = $4 AND revoked_at IS NULL AND version = $5 - 1",
        )
        .bind(id.0)
        .bind(proxy.0)
        .bind(owner.issuer.0)
        .bind(&owner.sub)
        .bind(sealed.version)
        .bind(&sealed.share_hash)
        .bind(&sealed.server_part)
        .bind(&sealed.sealed)
        .bind(hint)
        .bind(now)
        .execute(&self.pool)
        .await?;
        one_row(changed.rows_affected())
    }

    /// Nothing that could be opened stays behind; the row does, for the record.
    pub async fn revoke_byok_key(
        &self,
        proxy: ProxyId,
        owner: &Subject,
        id: ByokKeyId,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let revoked = sqlx::query(
            "UPDATE byok_keys SET revoked_at = $5, updated_at = $5, sealed = '', server_part = '', share_hash = ''
             WHERE id = $1 AND proxy_id = $2 AND issuer_id = $3 AND sub = $4 AND revoked_at IS NULL",
        )
        .bind(id.0)
        .bind(proxy.0)
        .bind(owner.issuer.0)
        .bind(&owner.sub)
        .bind(now)
        .execute(&self.pool)
        .await?;
        one_row(revoked.rows_affected())
    }

    pub async fn note_byok_uses(&self, uses: &[(ProxyId, ByokKeyId, OffsetDateTime)]) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE byok_keys SET last_used_at = greatest(last_used_at, used.at)
             FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS used (proxy, id, at)
             WHERE byok_keys.id = used.id AND byok_keys.proxy_id = used.proxy",
        )
        .bind(uses.iter().map(|(proxy, ..)| proxy.0).collect::<Vec<_>>())
        .bind(uses.iter().map(|(_, id, _)| id.0).collect::<Vec<_>>())
        .bind(uses.iter().map(|(.., at)| *at).collect::<Vec<_>>())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn byok_counts(
        &self,
        account: AccountId,
        proxy: ProxyId,
        now: OffsetDateTime,
    ) -> Result<ByokCounts, StoreError> {
        let counts = sqlx::query_as(
            "SELECT count(*) AS live, count(DISTINCT (issuer_id, sub)) AS owners FROM byok_keys
             WHERE proxy_id = $1 AND account_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)",
        )
        .bind(proxy.0)
        .bind(account.0)
        .bind(now)
        .fetch_one(&self.pool)
        .await?;
        Ok(counts)
    }

    /// All of a proxy's, or of one user of it; how many there were.
    pub async fn revoke_byok_keys(
        &self,
        account: AccountId,
        proxy: ProxyId,
        owner: Option<&Subject>,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let revoked = sqlx::query(
            "UPDATE byok_keys SET revoked_at = $5, updated_at = $5, sealed = '', server_part = '', share_hash = ''
             WHERE proxy_id = $1 AND account_id = $2 AND revoked_at IS NULL
                 AND ($3::uuid IS NULL OR (issuer_id = $3 AND sub = $4))",
        )
        .bind(proxy.0)
        .bind(account.0)
        .bind(owner.map(|owner| owner.issuer.0))
        .bind(owner.map(|owner| owner.sub.as_str()))
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(revoked.rows_affected())
    }
}
