//! Keeps the snapshot current: listens for changes, and polls the version in case a notice was lost.
//! While Postgres is away, the last snapshot stays.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use keyward_store::key_ring::KeyRingCheckError;
use keyward_store::listen::ConfigListener;
use keyward_store::sealing::KeyRing;
use keyward_store::{Store, StoreError};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::edge::Edge;
use crate::snapshot::Snapshot;

const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
const START_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database did not answer within 5 s")]
    Timeout,
}

async fn within<T>(query: impl Future<Output = Result<T, StoreError>>) -> Result<T, ReadError> {
    Ok(timeout(QUERY_TIMEOUT, query).await.map_err(|_| ReadError::Timeout)??)
}

/// Waits for a database with the right schema, set up with our key-encryption key.
pub async fn first_snapshot(store: &Store, ring: &KeyRing) -> anyhow::Result<Snapshot> {
    loop {
        match within(store.schema_is_ready()).await {
            Ok(true) => match timeout(QUERY_TIMEOUT, store.check_key_ring(ring)).await {
                Ok(Ok(())) => match within(store.config_snapshot()).await {
                    Ok(config) => return Ok(Snapshot::compile(config, ring)),
                    Err(error) => warn!(%error, "the configuration can't be read; trying again"),
                },
                Ok(Err(wrong @ KeyRingCheckError::WrongKey)) => bail!("{wrong}"),
                Ok(Err(KeyRingCheckError::Store(error))) => warn!(%error, "the database can't be used; trying again"),
                Err(_) => warn!("the database did not answer within 5 s; trying again"),
            },
            Ok(false) => {
                warn!("the database has not the schema of this version yet; start the dashboard, which migrates it");
            }
            Err(error) => {
                warn!(%error, "the database (DATABASE_URL) can't be used, or has no schema yet; trying again");
            }
        }
        sleep(START_PAUSE).await;
    }
}

pub struct ConfigWatch {
    edge: Arc<Edge>,
    store: Store,
    ring: KeyRing,
    poll: Duration,
    listener: Option<ConfigListener>,
}

impl ConfigWatch {
    pub fn new(edge: Arc<Edge>, store: Store, ring: KeyRing, poll: Duration) -> Self {
        Self { edge, store, ring, poll, listener: None }
    }

    /// Never ends.
    pub async fn run(mut self) {
        loop {
            if self.listener.is_none() {
                self.listener = within(self.store.listen_config()).await.ok();
            }
            // Again after listening began: what changed before that came with no notice.
            if let Err(error) = self.refresh().await {
                self.edge.metrics.config_refresh_failures.inc();
                warn!(%error, version = self.edge.snapshot.load().version, "serving from the last configuration");
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let Some(listener) = &mut self.listener else { return sleep(self.poll).await };
        match timeout(self.poll, listener.changed()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(_)) => {
                self.listener = None;
                sleep(START_PAUSE).await;
            }
        }
    }

    async fn refresh(&mut self) -> Result<(), ReadError> {
        let version = within(self.store.config_version()).await?;
        if version != self.edge.snapshot.load().version {
            let snapshot = Snapshot::compile(within(self.store.config_snapshot()).await?, &self.ring);
            info!(version = snapshot.version, proxies = snapshot.len(), "configuration changed");
            self.edge.serve_from(snapshot);
        }
        let checked_at = self.edge.clock.now().unix_timestamp();
        self.edge.metrics.config_checked_at.set(checked_at);
        Ok(())
    }
}
