//! Ties a database to its key-encryption key, so that starting with another one is refused before anything is written.

use subtle::ConstantTimeEq;

use crate::sealing::KeyRing;
use crate::{Store, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum KeyRingCheckError {
    #[error(
        "KEYWARD_KEY_ENCRYPTION_KEY is not the key this database was set up with: nothing sealed in it could be opened. \
         Set the key that was used before, or point DATABASE_URL at an empty database"
    )]
    WrongKey,
    #[error(transparent)]
    Store(#[from] StoreError),
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

    /// As `adopt_key_ring`, writing nothing: for the edge, which may only read configuration.
    pub async fn check_key_ring(&self, ring: &KeyRing) -> Result<(), KeyRingCheckError> {
        let recorded: Option<Vec<u8>> = sqlx::query_scalar("SELECT fingerprint FROM key_ring")
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::from)?;
        let Some(recorded) = recorded else { return Ok(()) };
        if bool::from(recorded.as_slice().ct_eq(&ring.fingerprint())) {
            Ok(())
        } else {
            Err(KeyRingCheckError::WrongKey)
        }
    }
}
