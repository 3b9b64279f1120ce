//! Ties a database to its key-encryption key, so that starting with another one is refused before anything is written;
//! and moves it to a new one, while edges that know both go on serving.

use keyward_domain::ids::AccountId;
use sqlx::FromRow;
use subtle::{Choice, ConstantTimeEq};
use uuid::Uuid;

use crate::sealing::{KeyRing, SealError};
use crate::{Store, StoreError};

/// Data keys that are re-wrapped in one statement, and so in one change of the configuration.
const BATCH: i64 = 500;

#[derive(Debug, thiserror::Error)]
pub enum KeyRingCheckError {
    #[error(
        "KEYWARD_KEY_ENCRYPTION_KEY is not the key this database was set up with: nothing sealed in it could be opened. \
         Set the key that was used before (to change it, name it in KEYWARD_KEY_ENCRYPTION_KEY_PREVIOUS), or point \
         DATABASE_URL at an empty database"
    )]
    WrongKey,
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, thiserror::Error)]
pub enum RewrapError {
    #[error("the data key of account {0} opens under none of the key-encryption keys: {1}")]
    Seal(AccountId, SealError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(FromRow)]
struct WrappedRow {
    id: Uuid,
    wrapped_data_key: Vec<u8>,
}

impl Store {
    /// The first start records the key's fingerprint; later starts must match it.
    pub async fn adopt_key_ring(&self, ring: &KeyRing) -> Result<(), KeyRingCheckError> {
        sqlx::query("INSERT INTO key_ring (fingerprint) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(ring.fingerprint().as_slice())
            .execute(&self.pool)
            .await
            .map_err(StoreError::from)?;
        self.check_key_ring(ring).await
    }

    /// As `adopt_key_ring`, writing nothing: for the edge, which may only read configuration. A key of before will do:
    /// what it sealed still opens.
    pub async fn check_key_ring(&self, ring: &KeyRing) -> Result<(), KeyRingCheckError> {
        let recorded: Option<Vec<u8>> = sqlx::query_scalar("SELECT fingerprint FROM key_ring")
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::from)?;
        let Some(recorded) = recorded else { return Ok(()) };
        let known =
            ring.fingerprints().iter().fold(Choice::from(0), |known, one| known | recorded.as_slice().ct_eq(one));
        if bool::from(known) { Ok(()) } else { Err(KeyRingCheckError::WrongKey) }
    }

    /// Every account's data key under the ring's current key, and the database tied to that one. What the data keys have
    /// sealed stays as it is. How many there were to do; doing it again does no harm.
    pub async fn rewrap_data_keys(&self, ring: &KeyRing) -> Result<u64, RewrapError> {
        let (mut rewrapped, mut after) = (0, Uuid::nil());
        loop {
            let rows: Vec<WrappedRow> =
                sqlx::query_as("SELECT id, wrapped_data_key FROM accounts WHERE id > $1 ORDER BY id LIMIT $2")
                    .bind(after)
                    .bind(BATCH)
                    .fetch_all(&self.pool)
                    .await
                    .map_err(StoreError::from)?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            rewrapped += self.rewrap(ring, &rows).await?;
        }
        sqlx::query("UPDATE key_ring SET fingerprint = $1 WHERE fingerprint <> $1")
            .bind(ring.fingerprint().as_slice())
            .execute(&self.pool)
            .await
            .map_err(StoreError::from)?;
        Ok(rewrapped)
    }

    async fn rewrap(&self, ring: &KeyRing, rows: &[WrappedRow]) -> Result<u64, RewrapError> {
        let (mut ids, mut before, mut wrapped) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let account = AccountId(row.id);
            let new = ring.rewrapped(account, &row.wrapped_data_key);
            if let Some(new) = new.map_err(|error| RewrapError::Seal(account, error))? {
                ids.push(row.id);
                before.push(row.wrapped_data_key.clone());
                wrapped.push(new);
            }
        }
        if ids.is_empty() {
            return Ok(0);
        }
        let changed = sqlx::query(
            "UPDATE accounts SET wrapped_data_key = turned.new
             FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) AS turned (id, old, new)
             WHERE accounts.id = turned.id AND accounts.wrapped_data_key = turned.old",
        )
        .bind(ids)
        .bind(before)
        .bind(wrapped)
        .execute(&self.pool)
        .await
        .map_err(StoreError::from)?;
        Ok(changed.rows_affected())
    }
}
