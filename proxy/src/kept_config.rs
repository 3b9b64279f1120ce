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
use keyward_store::snapshot::{ConfigRows, KeptConfigError};
use time::OffsetDateTime;
use tokio::task::JoinError;
use tokio::time::Instant;
use tracing::{error, warn};

use crate::data_dir::DataDir;
use crate::metrics::Metrics;

const FILE: &str = "configuration.sealed";
const OWNER_ONLY: u32 = 0o600;
/// An unchanged configuration is kept anew so often, so that the file tells until when it was current.
const RENEWED_AFTER: Duration = Duration::from_hours(1);
/// So many times longer than a writing took is the rest after it.
const RESTS_FOR: u32 = 10;
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
    Seal(#[from] SealError),
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl KeptConfig {
    pub fn new(folder: &DataDir, ring: KeyRing, max_age: Option<Duration>, clock: Clock, metrics: Metrics) -> Self {
        Self { path: folder.file(FILE), ring, max_age, clock, metrics, last: Arc::default() }
    }

    /// What was kept, and when it was read; `None`, and the reason in the log, when there is nothing to serve from.
    pub fn read(&self) -> Option<(ConfigRows, OffsetDateTime)> {
        let file = self.path.display();
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                error!(%file, %error, "the kept configuration can't be read");
                return None;
            }
        };
        let (rows, read_at) = ConfigRows::open(&self.ring, &bytes)
            .inspect_err(|error: &KeptConfigError| error!(%file, %error, "the kept configuration is refused"))
            .ok()?;
        let age = self.clock.now() - read_at;
        if self.max_age.is_some_and(|most| age > most) {
            error!(%file, age_secs = age.whole_seconds(), "the kept configuration is refused: it is too old");
            return None;
        }
        Some((rows, read_at))
    }

    /// Whether this version should be read again to be kept, if it isn't at hand.
    pub fn wants(&self, version: i64) -> bool {
        let last = self.last();
        let rests = last.rests_until.is_some_and(|until| Instant::now() < until);
        let is_fresh = last.version == Some(version) && last.ended.is_some_and(|at| at.elapsed() < RENEWED_AFTER);
        !(last.is_under_way || rests || is_fresh)
    }

    /// To be asked when `wants` said so. Gives the rows back; the writing goes on behind.
    pub async fn keep(&self, rows: ConfigRows) -> Result<ConfigRows, JoinError> {
        let (ring, read_at, began) = (self.ring.clone(), self.clock.now(), Instant::now());
        let sealing = tokio::task::spawn_blocking(move || (rows.seal(&ring, read_at), rows));
        let (sealed, rows) = sealing.await?;
        self.last().is_under_way = true;
        let (path, version, last, metrics) = (self.path.clone(), rows.version, self.last.clone(), self.metrics.clone());
        tokio::task::spawn_blocking(move || {
            let written = sealed.map_err(KeepError::from).and_then(|bytes| Ok(replace(&path, &bytes)?));
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            *last = match written {
                Ok(()) => {
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
        Ok(rows)
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The old one or the new one is there at any moment, and whole.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    // What a crash left behind may have other permissions.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
