//! The ledger of finished requests as `main` sees it: started before the first request, ended after the last one.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use keyward_store::Store;
use time::OffsetDateTime;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::metrics::Metrics;
use crate::usage_journal::Journal;
use crate::usage_queue::{UsageParts, UsageQueue, usage_queue};
use crate::usage_shelf::Shelf;
use crate::usage_shipper::UsageShipper;

pub struct UsageSettings {
    /// Where to keep it; in memory only without.
    pub file: Option<PathBuf>,
    pub disk_bytes: u64,
    /// In memory.
    pub queue_events: usize,
    /// How long PostgreSQL is still tried at the end.
    pub last_tries: Duration,
}

pub struct UsageLedger {
    keeping: JoinHandle<Option<Arc<Journal>>>,
    shipping: JoinHandle<()>,
    shipped: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl UsageLedger {
    pub async fn start(
        settings: UsageSettings,
        store: Store,
        metrics: Metrics,
        now: OffsetDateTime,
    ) -> anyhow::Result<(UsageQueue, Self)> {
        let UsageSettings { file, disk_bytes, queue_events, last_tries } = settings;
        let journal = match file {
            Some(file) => {
                let opened = spawn_blocking(move || Journal::open(file, disk_bytes, now)).await?;
                Some(Arc::new(opened.context("KEYWARD_EDGE_DATA_DIR: the file for usage can't be opened")?))
            }
            None => {
                warn!(
                    "usage waits in memory only (KEYWARD_EDGE_DATA_DIR=none): a crash loses what is not yet in PostgreSQL"
                );
                None
            }
        };
        let parts = UsageParts { journal, shelf: Arc::new(Shelf::new(queue_events)), shipped: Arc::default(), metrics };
        let (queue, keeper) = usage_queue(queue_events, &parts);
        let UsageParts { journal, shelf, shipped, metrics } = parts;
        let shipper = UsageShipper { shelf, journal, shipped: shipped.clone(), store, metrics };
        let stop = CancellationToken::new();
        let shipping = tokio::spawn(shipper.run(stop.clone(), last_tries));
        let keeping = tokio::spawn(keeper.run(stop.clone()));
        Ok((queue, Self { keeping, shipping, shipped, stop }))
    }

    /// After the last request: what it left is on disk, and in PostgreSQL if that answers soon.
    pub async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let journal = self.keeping.await?;
        self.shipping.await?;
        let Some(journal) = journal else { return Ok(()) };
        let shipped = self.shipped.load(Ordering::Acquire);
        let level = spawn_blocking(move || journal.trim(shipped).map(|()| journal.level())).await?;
        match level {
            Ok(level) if level.events == 0 => {}
            Ok(level) => info!(events = level.events, "usage events wait on disk for the next start"),
            Err(error) => warn!(%error, "the usage events on disk could not be closed well"),
        }
        Ok(())
    }
}
