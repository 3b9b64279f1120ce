//! Keeps the snapshot current: listens for changes, and polls the version in case a notice was lost.
//! While Postgres is away, the last snapshot stays; a start without it begins with the one that was kept on disk.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use keyward_store::key_ring::KeyRingCheckError;
use keyward_store::listen::ChangeListener;
use keyward_store::sealing::KeyRing;
use keyward_store::snapshot::ConfigRows;
use keyward_store::{Store, StoreError};
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::edge::Edge;
use crate::kept_config::KeptConfig;
use crate::ops::Readiness;
use crate::snapshot::Snapshot;

const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
const START_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database did not answer within 5 s")]
    Timeout,
    #[error("the database has not the schema of this version yet; start the dashboard, which migrates it")]
    NoSchema,
    #[error("{0}")]
    WrongKey(KeyRingCheckError),
    #[error("{0}")]
    Keep(tokio::task::JoinError),
}

impl ReadError {
    /// It may be there and have nothing for us yet: then there is nothing to go on from either.
    fn is_away(&self) -> bool {
        match self {
            Self::Store(error) => !error.is_about_the_schema(),
            Self::Timeout => true,
            Self::NoSchema | Self::WrongKey(_) | Self::Keep(_) => false,
        }
    }
}

async fn within<T>(query: impl Future<Output = Result<T, StoreError>>) -> Result<T, ReadError> {
    Ok(timeout(QUERY_TIMEOUT, query).await.map_err(|_| ReadError::Timeout)??)
}

/// What the edge serves from, by where it is from.
pub enum Ground {
    /// Of this database, which has our schema and our key.
    Database,
    /// Of the disk: nothing is known of the database yet.
    Kept { read_at: OffsetDateTime },
}

pub struct First {
    pub snapshot: Snapshot,
    pub ground: Ground,
}

/// Where the configuration is read.
pub struct ConfigSource {
    pub store: Store,
    pub ring: KeyRing,
    pub kept: Option<KeptConfig>,
}

impl ConfigSource {
    /// From the database, or from the disk if that can't be reached. With neither, waits for a database with the right
    /// schema, set up with our key-encryption key.
    pub async fn first(&self) -> anyhow::Result<First> {
        let mut kept_was_read = false;
        loop {
            let error = match self.checked_rows().await {
                Ok(rows) => {
                    let snapshot = Snapshot::compile(rows.into_snapshot(), &self.ring);
                    return Ok(First { snapshot, ground: Ground::Database });
                }
                Err(ReadError::WrongKey(wrong)) => bail!("{wrong}"),
                Err(error) => error,
            };
            if error.is_away() && !std::mem::replace(&mut kept_was_read, true) {
                let kept = self.kept.as_ref().and_then(KeptConfig::read);
                if let Some((rows, read_at)) = kept {
                    warn!(%error, %read_at, "the database (DATABASE_URL) can't be used; serving what was kept on disk");
                    let snapshot = Snapshot::compile(rows.into_snapshot(), &self.ring);
                    return Ok(First { snapshot, ground: Ground::Kept { read_at } });
                }
            }
            warn!(%error, "the database (DATABASE_URL) can't be used, or has no schema yet; trying again");
            sleep(START_PAUSE).await;
        }
    }

    /// Of a database that is surely ours.
    async fn checked_rows(&self) -> Result<ConfigRows, ReadError> {
        if !within(self.store.schema_is_ready()).await? {
            return Err(ReadError::NoSchema);
        }
        match timeout(QUERY_TIMEOUT, self.store.check_key_ring(&self.ring)).await {
            Ok(Ok(())) => self.rows().await,
            Ok(Err(wrong @ KeyRingCheckError::WrongKey)) => Err(ReadError::WrongKey(wrong)),
            Ok(Err(KeyRingCheckError::Store(error))) => Err(error.into()),
            Err(_) => Err(ReadError::Timeout),
        }
    }

    async fn rows(&self) -> Result<ConfigRows, ReadError> {
        let rows = within(self.store.config_rows()).await?;
        match &self.kept {
            Some(kept) if kept.wants(rows.version) => kept.keep(rows).await.map_err(ReadError::Keep),
            Some(_) | None => Ok(rows),
        }
    }
}

pub struct ConfigWatch {
    edge: Arc<Edge>,
    source: ConfigSource,
    readiness: Readiness,
    ground: Ground,
    listener: Option<ChangeListener>,
}

impl ConfigWatch {
    pub fn new(edge: Arc<Edge>, source: ConfigSource, readiness: Readiness, ground: Ground) -> Self {
        match ground {
            Ground::Database => {}
            Ground::Kept { read_at } => {
                edge.metrics.config_checked_at.set(read_at.unix_timestamp());
                edge.metrics.config_stale.set(1);
                readiness.set_stale_since(Some(read_at));
            }
        }
        Self { edge, source, readiness, ground, listener: None }
    }

    /// Never ends.
    pub async fn run(mut self) {
        loop {
            if self.listener.is_none() {
                self.listener = within(self.source.store.listen_config()).await.ok();
            }
            // Again after listening began: what changed before that came with no notice.
            match self.refresh().await {
                Ok(()) => self.is_current(),
                Err(error) => self.is_stale(&error),
            }
            self.wait().await;
        }
    }

    fn is_current(&self) {
        self.edge.metrics.config_checked_at.set(self.edge.clock.now().unix_timestamp());
        self.edge.metrics.config_stale.set(0);
        self.readiness.set_stale_since(None);
    }

    fn is_stale(&self, error: &ReadError) {
        let metrics = &self.edge.metrics;
        metrics.config_refresh_failures.inc();
        metrics.config_stale.set(1);
        self.readiness.set_stale_since(OffsetDateTime::from_unix_timestamp(metrics.config_checked_at.get()).ok());
        let version = self.edge.snapshot.load().version;
        match error {
            ReadError::WrongKey(_) => error!(%error, version, "serving from the last configuration"),
            ReadError::Store(_) | ReadError::Timeout | ReadError::NoSchema | ReadError::Keep(_) => {
                warn!(%error, version, "serving from the last configuration");
            }
        }
    }

    async fn wait(&mut self) {
        let poll = self.edge.bounds.config_poll;
        let Some(listener) = &mut self.listener else { return sleep(poll).await };
        match timeout(poll, listener.changed()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(_)) => {
                self.listener = None;
                sleep(START_PAUSE).await;
            }
        }
    }

    async fn refresh(&mut self) -> Result<(), ReadError> {
        let rows = match self.ground {
            // A version of another database, or of one that was restored, says nothing.
            Ground::Kept { .. } => Some(self.source.checked_rows().await?),
            Ground::Database => self.changed_rows().await?,
        };
        self.ground = Ground::Database;
        if let Some(rows) = rows {
            let snapshot = Snapshot::compile(rows.into_snapshot(), &self.source.ring);
            info!(version = snapshot.version, proxies = snapshot.len(), "configuration changed");
            self.edge.serve_from(snapshot);
        }
        Ok(())
    }

    /// `None` when it is as it was.
    async fn changed_rows(&self) -> Result<Option<ConfigRows>, ReadError> {
        let version = within(self.source.store.config_version()).await?;
        let is_served = version == self.edge.snapshot.load().version;
        let is_wanted = || self.source.kept.as_ref().is_some_and(|kept| kept.wants(version));
        if is_served && !is_wanted() {
            return Ok(None);
        }
        let rows = self.source.rows().await?;
        Ok((!is_served || rows.version != version).then_some(rows))
    }
}
