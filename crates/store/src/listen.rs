//! Hearing of changed configuration. A notice may be lost, so whoever listens also polls `config_version`.

use sqlx::postgres::PgListener;

use crate::{Store, StoreError};

pub struct ConfigListener(PgListener);

impl Store {
    /// Holds one connection of the pool.
    pub async fn listen_config(&self) -> Result<ConfigListener, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen("keyward_config").await?;
        Ok(ConfigListener(listener))
    }
}

impl ConfigListener {
    /// Returns when something may have changed: a notice came, or the connection was lost and is back.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        self.0.try_recv().await?;
        Ok(())
    }
}
