//! A file in the edge's folder from which a start without Postgres serves. Never in the way of a change: it is sealed and
//! written behind the edge's back, and as often as that stays cheap.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyward_domain::clock::Clock;
use keyward_store::StoreError;
use keyward_store::kept_file::{KeptError, KeptKind, KeptReader, KeptSealer};
use keyward_store::sealing::{KeyRing, SealError};
use serde::Serialize;
use time::OffsetDateTime;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use tracing::{error, warn};

use crate::metrics::Metrics;

const OWNER_ONLY: u32 = 0o600;
/// What did not change is kept anew so often, so that the file tells until when it was current.
const RENEWED_AFTER: Duration = Duration::from_hours(1);
/// So many times longer than a writing took is the rest after it.
const RESTS_FOR: u32 = 10;
const RESTS_AFTER_FAILURE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct KeptFile {
    pub path: PathBuf,
    pub kind: KeptKind,
    pub ring: KeyRing,
    /// An older one is not served from.
    pub max_age: Option<Duration>,
    pub clock: Clock,
    pub metrics: Metrics,
    pub last: Arc<Mutex<Last>>,
}

/// The last writing.
#[derive(Default)]
pub struct Last {
    is_under_way: bool,
    version: Option<i64>,
    ended: Option<Instant>,
    rests_until: Option<Instant>,
}

#[derive(Debug, thiserror::Error)]
pub enum KeepError {
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

impl KeptFile {
    /// What `read` makes of it, and when it was read from the database; `None`, and the reason in the log, when there is
    /// nothing to serve from.
    pub fn open<T>(&self, read: impl FnOnce(KeptReader<'_>) -> Result<T, KeptError>) -> Option<(T, OffsetDateTime)> {
        let file = self.path.display();
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                error!(%file, %error, "what was kept can't be read");
                return None;
            }
        };
        let opened = KeptReader::new(&self.ring, self.kind, &bytes).and_then(|reader| {
            let read_at = reader.read_at;
            Ok((read(reader)?, read_at))
        });
        let (kept, read_at) = opened.inspect_err(|error| error!(%file, %error, "what was kept is refused")).ok()?;
        let age = self.clock.now() - read_at;
        if self.max_age.is_some_and(|most| age > most) {
            error!(%file, age_secs = age.whole_seconds(), "what was kept is refused: it is too old");
            return None;
        }
        Some((kept, read_at))
    }

    /// Whether this version should be read again to be kept.
    pub fn wants(&self, version: i64) -> bool {
        let last = self.last();
        let rests = last.rests_until.is_some_and(|until| Instant::now() < until);
        let is_fresh = last.version == Some(version) && last.ended.is_some_and(|at| at.elapsed() < RENEWED_AFTER);
        !(last.is_under_way || rests || is_fresh)
    }

    /// To be asked when `wants` said so. `write` gives the version that it wrote; all behind the caller.
    pub fn keep(&self, write: impl Future<Output = Result<i64, KeepError>> + Send + 'static) {
        self.last().is_under_way = true;
        let (file, began) = (self.clone(), Instant::now());
        tokio::spawn(async move {
            let written = write.await;
            let now = Instant::now();
            *file.last() = match written {
                Ok(version) => {
                    let rests_until = Some(now + (now - began) * RESTS_FOR);
                    Last { is_under_way: false, version: Some(version), ended: Some(now), rests_until }
                }
                Err(error) => {
                    file.metrics.config_keeping_failures.inc();
                    warn!(file = %file.path.display(), %error, "it can't be kept for a start without the database");
                    Last { rests_until: Some(now + RESTS_AFTER_FAILURE), ..Last::default() }
                }
            };
        });
    }

    /// Begins a new one beside the old one.
    pub fn begin(&self, version: i64) -> Result<KeptWriting, KeepError> {
        let new = self.path.with_extension("new");
        let sealer = KeptSealer::new(self.ring.clone(), self.kind, version, self.clock.now());
        let mut file = created(&new)?;
        file.write_all(sealer.header())?;
        Ok(KeptWriting { sealer, file, new, path: self.path.clone() })
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct KeptWriting {
    sealer: KeptSealer,
    file: File,
    new: PathBuf,
    path: PathBuf,
}

impl KeptWriting {
    pub async fn add(mut self, piece: impl Serialize + Send + 'static) -> Result<Self, KeepError> {
        spawn_blocking(move || {
            self.file.write_all(&self.sealer.seal(&piece)?)?;
            Ok(self)
        })
        .await?
    }

    /// The old one or the new one is there at any moment, and whole.
    pub async fn end(mut self) -> Result<(), KeepError> {
        spawn_blocking(move || {
            self.file.write_all(&self.sealer.end()?)?;
            self.file.sync_all()?;
            std::fs::rename(&self.new, &self.path)?;
            Ok(self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?)
        })
        .await?
    }
}

/// What a crash left behind may have other permissions.
fn created(new: &Path) -> io::Result<File> {
    match std::fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(new)
}
