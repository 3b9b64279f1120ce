//! The last good configuration in the edge's folder, sealed: what a start without Postgres serves from. Never in the way
//! of a change: it is sealed and written behind the edge's back, and as often as that stays cheap.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_domain::clock::Clock;
use keyward_store::sealing::{KeyRing, SealError};
use keyward_store::snapshot::{KeptConfigError, KeptConfigReader, KeptConfigSealer};
use keyward_store::{Store, StoreError};
use time::OffsetDateTime;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};
use tracing::{error, warn};

use crate::data_dir::DataDir;
use crate::metrics::Metrics;
use crate::snapshot::Snapshot;

const FILE: &str = "configuration.sealed";
const OWNER_ONLY: u32 = 0o600;
/// An unchanged configuration is kept anew so often, so that the file tells until when it was current.
const RENEWED_AFTER: Duration = Duration::from_hours(1);
/// So many times longer than a writing took is the rest after it.
const RESTS_FOR: u32 = 10;
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
const RESTS_AFTER_FAILURE: Duration = Duration::from_secs(30);

pub struct KeptConfig {
    path: PathBuf,
    ring: KeyRing,
    /// An older one is not served from.
    max_age: Option<Duration>,
    clock: Clock,
    metrics: Metrics,
    last: Arc<Mutex<Last>>,
}

/// The last writing.
#[derive(Default)]
struct Last {
    is_under_way: bool,
    version: Option<i64>,
    ended: Option<Instant>,
    rests_until: Option<Instant>,
}

#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database did not answer within 5 s")]
    Timeout(#[from] Elapsed),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Task(#[from] JoinError),
}

impl KeptConfig {
    pub fn new(folder: &DataDir, ring: KeyRing, max_age: Option<Duration>, clock: Clock, metrics: Metrics) -> Self {
        Self { path: folder.file(FILE), ring, max_age, clock, metrics, last: Arc::default() }
    }

    /// What was kept, and when it was read; `None`, and the reason in the log, when there is nothing to serve from.
    pub fn read(&self) -> Option<(Snapshot, OffsetDateTime)> {
        let file = self.path.display();
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                error!(%file, %error, "the kept configuration can't be read");
                return None;
            }
        };
        let (snapshot, read_at) = opened(&self.ring, &bytes)
            .inspect_err(|error: &KeptConfigError| error!(%file, %error, "the kept configuration is refused"))
            .ok()?;
        let age = self.clock.now() - read_at;
        if self.max_age.is_some_and(|most| age > most) {
            error!(%file, age_secs = age.whole_seconds(), "the kept configuration is refused: it is too old");
            return None;
        }
        Some((snapshot, read_at))
    }

    /// Whether this version should be read again to be kept, if it isn't at hand.
    pub fn wants(&self, version: i64) -> bool {
        let last = self.last();
        let rests = last.rests_until.is_some_and(|until| Instant::now() < until);
        let is_fresh = last.version == Some(version) && last.ended.is_some_and(|at| at.elapsed() < RENEWED_AFTER);
        !(last.is_under_way || rests || is_fresh)
    }

    /// To be asked when `wants` said so. Reads the configuration once more, by pieces, and writes it; all behind the caller.
    pub fn keep(&self, store: Store) {
        self.last().is_under_way = true;
        let (path, last, metrics) = (self.path.clone(), self.last.clone(), self.metrics.clone());
        let (ring, read_at, began) = (self.ring.clone(), self.clock.now(), Instant::now());
        tokio::spawn(async move {
            let written = write(&store, ring, read_at, &path).await;
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            *last = match written {
                Ok(version) => {
                    let rests_until = Some(now + (now - began) * RESTS_FOR);
                    Last { is_under_way: false, version: Some(version), ended: Some(now), rests_until }
                }
                Err(error) => {
                    metrics.config_keeping_failures.inc();
                    warn!(file = %path.display(), %error, "the configuration can't be kept for a start without the database");
                    Last { rests_until: Some(now + RESTS_AFTER_FAILURE), ..Last::default() }
                }
            };
        });
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opened(ring: &KeyRing, bytes: &[u8]) -> Result<(Snapshot, OffsetDateTime), KeptConfigError> {
    let (mut kept, mut change) = (KeptConfigReader::new(ring, bytes)?, Snapshot::default().change());
    while let Some(rows) = kept.next_piece()? {
        change.put(rows, ring);
    }
    Ok((change.finish(kept.version), kept.read_at))
}

/// Gives the version that was written.
async fn write(store: &Store, ring: KeyRing, read_at: OffsetDateTime, path: &Path) -> Result<i64, KeepError> {
    let mut reading = timeout(QUERY_TIMEOUT, store.read_config(None)).await??;
    let version = reading.version;
    let (path, new) = (path.to_owned(), path.with_extension("new"));
    let mut sealer = KeptConfigSealer::new(ring, version, read_at);
    let mut file = created(&new)?;
    file.write_all(sealer.header())?;
    while let Some(rows) = timeout(QUERY_TIMEOUT, reading.next_piece()).await?? {
        (file, sealer) = spawn_blocking(move || {
            file.write_all(&sealer.seal(&rows)?)?;
            Ok::<_, KeepError>((file, sealer))
        })
        .await??;
    }
    spawn_blocking(move || {
        file.write_all(&sealer.end()?)?;
        Ok(replace(&file, &new, &path)?)
    })
    .await?
    .map(|()| version)
}

/// What a crash left behind may have other permissions.
fn created(new: &Path) -> io::Result<File> {
    match std::fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(new)
}

/// The old one or the new one is there at any moment, and whole.
fn replace(written: &File, new: &Path, path: &Path) -> io::Result<()> {
    written.sync_all()?;
    std::fs::rename(new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
