//! Keeps the snapshot current: listens for changes, and polls the version in case a notice was lost.
//! While Postgres is away, the last snapshot stays; a start without it begins with the one that was kept on disk.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use keyward_domain::ids::AppId;
use keyward_store::key_ring::KeyRingCheckError;
use keyward_store::listen::ChangeListener;
use keyward_store::sealing::KeyRing;
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
}

impl ReadError {
    /// It may be there and have nothing for us yet: then there is nothing to go on from either.
    fn is_away(&self) -> bool {
        match self {
            Self::Store(error) => !error.is_about_the_schema(),
            Self::Timeout => true,
            Self::NoSchema | Self::WrongKey(_) => false,
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
            let error = match self.checked_snapshot().await {
                Ok(snapshot) => return Ok(First { snapshot, ground: Ground::Database }),
                Err(ReadError::WrongKey(wrong)) => bail!("{wrong}"),
                Err(error) => error,
            };
            if error.is_away() && !std::mem::replace(&mut kept_was_read, true) {
                let kept = self.kept.as_ref().and_then(KeptConfig::read);
                if let Some((snapshot, read_at)) = kept {
                    warn!(%error, %read_at, "the database (DATABASE_URL) can't be used; serving what was kept on disk");
                    return Ok(First { snapshot, ground: Ground::Kept { read_at } });
                }
            }
            warn!(%error, "the database (DATABASE_URL) can't be used, or has no schema yet; trying again");
            sleep(START_PAUSE).await;
        }
    }

    /// Of a database that is surely ours.
    async fn checked_snapshot(&self) -> Result<Snapshot, ReadError> {
        if !within(self.store.schema_is_ready()).await? {
            return Err(ReadError::NoSchema);
        }
        match timeout(QUERY_TIMEOUT, self.store.check_key_ring(&self.ring)).await {
            Ok(Ok(())) => Ok(self.changed(&Snapshot::default(), None).await?.snapshot),
            Ok(Err(wrong @ KeyRingCheckError::WrongKey)) => Err(ReadError::WrongKey(wrong)),
            Ok(Err(KeyRingCheckError::Store(error))) => Err(error.into()),
            Err(_) => Err(ReadError::Timeout),
        }
    }

    /// `served`, with what changed after the version `since`; all anew without one.
    async fn changed(&self, served: &Snapshot, since: Option<i64>) -> Result<Changed, ReadError> {
        let mut reading = within(self.store.read_config(since)).await?;
        let mut change = served.change();
        reading.gone.iter().for_each(|app| change.remove(*app));
        while let Some(rows) = within(reading.next_piece()).await? {
            change.put(rows, &self.ring);
        }
        Ok(Changed { snapshot: change.finish(reading.version), gone: reading.gone })
    }

    fn keep(&self, version: i64) {
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.wants(version)) {
            kept.keep(self.store.clone());
        }
    }
}

/// What is to be served, and the apps that were deleted since.
struct Changed {
    snapshot: Snapshot,
    gone: Vec<AppId>,
}

impl From<Snapshot> for Changed {
    fn from(snapshot: Snapshot) -> Self {
        Self { snapshot, gone: Vec::new() }
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
            ReadError::Store(_) | ReadError::Timeout | ReadError::NoSchema => {
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
        let served = self.edge.snapshot.load_full();
        let changed = match self.ground {
            // A version of another database, or of one that was restored, says nothing.
            Ground::Kept { .. } => Some(self.source.checked_snapshot().await?.into()),
            Ground::Database => match within(self.source.store.config_version()).await? {
                version if version == served.version => None,
                // Of a database that was restored: what it numbers anew is no change of what we have.
                version if version < served.version => Some(self.source.checked_snapshot().await?.into()),
                _ => Some(self.source.changed(&served, Some(served.version)).await?),
            },
        };
        self.ground = Ground::Database;
        if let Some(Changed { snapshot, gone }) = changed {
            info!(version = snapshot.version, proxies = snapshot.len(), "configuration changed");
            self.edge.serve_from(snapshot);
            self.edge.plans.forget(&gone);
        }
        self.source.keep(self.edge.snapshot.load().version);
        Ok(())
    }
}
