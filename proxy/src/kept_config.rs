//! The last good configuration, kept for a start without Postgres.

use std::time::Duration;

use keyward_store::Store;
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::kept_file::{KeepError, KeptFile};
use crate::snapshot::Snapshot;

pub const FILE: &str = "configuration.sealed";
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

pub struct KeptConfig(pub KeptFile);

impl KeptConfig {
    /// What was kept, and when it was read.
    pub fn read(&self) -> Option<(Snapshot, OffsetDateTime)> {
        self.0.open(|mut kept| {
            let mut change = Snapshot::default().change();
            while let Some(rows) = kept.next_piece()? {
                change.put(rows, &self.0.ring);
            }
            Ok(change.finish(kept.version))
        })
    }

    pub fn wants(&self, version: i64) -> bool {
        self.0.wants(version)
    }

    /// Reads the configuration once more, by pieces, and writes it.
    pub fn keep(&self, store: Store) {
        self.0.keep(write(self.0.clone(), store));
    }
}

async fn write(file: KeptFile, store: Store) -> Result<i64, KeepError> {
    let mut reading = timeout(QUERY_TIMEOUT, store.read_config(None)).await??;
    let version = reading.version;
    let mut writing = file.begin(version)?;
    while let Some(rows) = timeout(QUERY_TIMEOUT, reading.next_piece()).await?? {
        writing = writing.add(rows).await?;
    }
    writing.end().await?;
    Ok(version)
}
