//! The ledger of finished requests as `main` sees it: started before the first request, ended after the last one. It works
//! on a thread of its own, behind requests: on a machine that is busy these come first.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use keyward_store::Store;
use time::OffsetDateTime;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

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

/// Its thread's priority is so much lower: far enough for requests not to wait for it, and not so far that it would not
/// keep up with all that a busy machine can serve.
const NICER: i32 = 5;

pub struct UsageLedger {
    ended: oneshot::Receiver<Option<Arc<Journal>>>,
    shipped: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl UsageLedger {
    /// `store` is for this alone.
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
        let (ending, ended) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build().context("no thread for usage")?;
        let working = stop.clone();
        let work = move || {
            if let Err(error) = rustix::process::nice(NICER) {
                debug!(%error, "the ledger has the priority of requests");
            }
            let keeping = keeper.run(working.clone());
            let shipping = shipper.run(working, last_tries);
            let (journal, ()) = runtime.block_on(async { tokio::join!(keeping, shipping) });
            // Nobody waits for it where the edge never served.
            let _ = ending.send(journal);
        };
        thread::Builder::new().name("usage".to_owned()).spawn(work).context("no thread for usage")?;
        Ok((queue, Self { ended, shipped, stop }))
    }

    /// After the last request: what it left is on disk, and in PostgreSQL if that answers soon.
    pub async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        let journal = self.ended.await.context("the ledger broke off")?;
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
