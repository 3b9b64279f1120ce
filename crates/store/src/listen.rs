//! Hearing of what has changed. A notice may be lost, so whoever listens also asks from time to time.

use sqlx::postgres::PgListener;

use crate::{Store, StoreError};

/// Of one channel. Holds one connection of the pool.
pub struct ChangeListener(PgListener);

impl Store {
    /// Of the configuration: see `config_version`.
    pub async fn listen_config(&self) -> Result<ChangeListener, StoreError> {
        self.listen("keyward_config").await
    }

    /// Of single users' purchases and plans: see `plan_feed`.
    pub async fn listen_plans(&self) -> Result<ChangeListener, StoreError> {
        self.listen("keyward_plans").await
    }

    async fn listen(&self, channel: &str) -> Result<ChangeListener, StoreError> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(channel).await?;
        Ok(ChangeListener(listener))
    }
}

impl ChangeListener {
    /// Returns when something may have changed: a notice came, or the connection was lost and is back.
    pub async fn changed(&mut self) -> Result<(), StoreError> {
        self.0.try_recv().await?;
        Ok(())
    }
}
