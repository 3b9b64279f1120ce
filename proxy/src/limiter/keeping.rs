//! Counters of long windows survive a restart: what changed is written down about every second and at the end, and read
//! at the start. Requests never wait for it. Also forgets, in memory and in the database, what counts no more.

use std::sync::Arc;
use std::time::Duration;

use keyward_store::Store;
use keyward_store::limit_counters::LimitCounter;
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::local::{Kept, LocalLimiter};

const EVERY: Duration = Duration::from_secs(1);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const BATCH: usize = 1_000;
/// In rounds of `EVERY`.
const FORGET_EVERY: usize = 600;

/// Ends after `stop`, with a last writing.
pub async fn keep(limiter: Arc<LocalLimiter>, store: Store, stop: CancellationToken) {
    let mut is_read = false;
    for round in 0.. {
        // What is written before the rest was read would replace it.
        if !is_read {
            is_read = read(&limiter, &store).await;
        }
        if is_read {
            write(&limiter, &store).await;
        }
        limiter.sweep(round);
        if is_read && round % FORGET_EVERY == 0 {
            forget(&limiter, &store).await;
        }
        if stop.is_cancelled() {
            return;
        }
        tokio::select! {
            () = sleep(EVERY) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn read(limiter: &LocalLimiter, store: &Store) -> bool {
    match timeout(WRITE_TIMEOUT, store.load_limit_counters(moment(limiter.now_ms()))).await {
        Ok(Ok(rows)) => {
            info!(counters = rows.len(), "what was used of the limits is known again");
            limiter.absorb(rows.into_iter().filter_map(kept).collect());
            true
        }
        Ok(Err(error)) => {
            warn!(%error, "what was used of the limits can't be read yet");
            false
        }
        Err(_) => false,
    }
}

async fn write(limiter: &LocalLimiter, store: &Store) {
    let changed = limiter.take_changed();
    for batch in changed.chunks(BATCH) {
        let rows: Vec<LimitCounter> = batch.iter().map(row).collect();
        let written = timeout(WRITE_TIMEOUT, store.save_limit_counters(&rows)).await;
        if !matches!(written, Ok(Ok(()))) {
            warn!(counters = batch.len(), "what was used of the limits could not be written; trying again");
            limiter.give_back(batch);
        }
    }
}

async fn forget(limiter: &LocalLimiter, store: &Store) {
    let forgotten = timeout(WRITE_TIMEOUT, store.forget_limit_counters(moment(limiter.now_ms()))).await;
    if !matches!(forgotten, Ok(Ok(()))) {
        warn!("counters that count no more could not be removed; trying again later");
    }
}

fn row(kept: &Kept) -> LimitCounter {
    LimitCounter {
        app: kept.app,
        name: kept.name.to_string(),
        counter: kept.counter.clone(),
        expires_at: moment(kept.gone_at_ms),
    }
}

/// A name that says nothing is no counter's.
fn kept(row: LimitCounter) -> Option<Kept> {
    let gone_at_ms = u64::try_from(row.expires_at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
    Some(Kept { app: row.app, name: row.name.parse().ok()?, counter: row.counter, gone_at_ms })
}

fn moment(ms: u64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
