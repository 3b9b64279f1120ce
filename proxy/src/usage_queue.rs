//! Finished requests, from the meter to the disk: never waited for by a request, and written together, one sync for all
//! that ended within a few milliseconds. Without a disk they wait in memory. How they get to PostgreSQL is the shipper's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keyward_domain::rejection::Rejection;
use keyward_domain::usage::{Outcome, UsageEvent};
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::config::WhenFull;
use crate::metrics::Metrics;
use crate::usage_journal::{Journal, JournalError};
use crate::usage_shelf::Shelf;

const BATCH_EVENTS: usize = 4_000;
/// From the end of the first: with the sync, well under the 50 ms within which an ended request is on disk.
const COMMIT_WAIT: Duration = Duration::from_millis(20);
/// What was shipped leaves the disk with the next batch, or after so long without one.
const TRIM_PAUSE: Duration = Duration::from_secs(1);
const REOPEN_PAUSE: Duration = Duration::from_secs(5);
const ROOM_PAUSE: Duration = Duration::from_millis(50);

/// A request, and when it had ended.
type Ended = (Instant, UsageEvent);

#[derive(Clone)]
pub struct UsageQueue {
    sender: mpsc::Sender<Ended>,
    full: Arc<AtomicBool>,
    metrics: Metrics,
}

impl UsageQueue {
    /// Never waits. Rejections leave half of the queue to calls that cost money, so that a flood can't crowd them out.
    pub fn push(&self, event: UsageEvent) {
        let crowded = self.sender.capacity() < self.sender.max_capacity() / 2;
        let is_crowded_out = crowded && event.outcome == Outcome::Rejected;
        let dropped = is_crowded_out || self.sender.try_send((Instant::now(), event)).is_err();
        if dropped {
            self.metrics.usage_events_dropped.inc();
        }
    }

    /// Where calls are refused rather than served without being written down.
    pub fn has_room(&self, when_full: WhenFull) -> Result<(), Rejection> {
        match when_full {
            WhenFull::Serve => Ok(()),
            WhenFull::Refuse if self.full.load(Ordering::Relaxed) => Err(Rejection::Overloaded),
            WhenFull::Refuse => Ok(()),
        }
    }
}

/// Puts what is pushed on disk, and from there on the shelf.
pub struct UsageKeeper {
    receiver: mpsc::Receiver<Ended>,
    journal: Option<Arc<Journal>>,
    shelf: Arc<Shelf>,
    shipped: Arc<AtomicU64>,
    trimmed: u64,
    full: Arc<AtomicBool>,
    failing_since: Option<Instant>,
    metrics: Metrics,
}

/// What the keeper and the shipper share.
pub struct UsageParts {
    pub journal: Option<Arc<Journal>>,
    pub shelf: Arc<Shelf>,
    pub shipped: Arc<AtomicU64>,
    pub metrics: Metrics,
}

pub fn usage_queue(capacity: usize, parts: &UsageParts) -> (UsageQueue, UsageKeeper) {
    let (sender, receiver) = mpsc::channel(capacity);
    let (full, metrics) = (Arc::new(AtomicBool::new(false)), parts.metrics.clone());
    let keeper = UsageKeeper {
        receiver,
        journal: parts.journal.clone(),
        shelf: parts.shelf.clone(),
        shipped: parts.shipped.clone(),
        trimmed: 0,
        full: full.clone(),
        failing_since: None,
        metrics: metrics.clone(),
    };
    keeper.note_level();
    (UsageQueue { sender, full, metrics }, keeper)
}

impl UsageKeeper {
    /// Ends after `stop` when all that was pushed is kept. Then nothing more comes to the shelf.
    pub async fn run(mut self, stop: CancellationToken) -> Option<Arc<Journal>> {
        if let Some(journal) = &self.journal {
            let level = journal.level();
            if level.events > 0 {
                info!(events = level.events, "usage events of before wait on disk");
                self.shelf.fall_behind(level.last);
            }
        }
        while let Some(batch) = self.collect(&stop).await {
            self.keep(batch).await;
            self.note_level();
        }
        self.shelf.close();
        self.journal
    }

    /// The events that ended within a few milliseconds of each other. None at the end.
    async fn collect(&mut self, stop: &CancellationToken) -> Option<Vec<Ended>> {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                received = self.receiver.recv() => batch.push(received?),
                () = stop.cancelled(), if !self.receiver.is_closed() => {
                    self.receiver.close();
                    continue;
                }
                () = sleep(TRIM_PAUSE) => {
                    self.trim().await;
                    continue;
                }
            }
            // Asleep meanwhile, rather than awake for every event. What waited for the disk already does not wait again.
            if let Some((ended, _)) = batch.first().filter(|_| !self.receiver.is_closed()) {
                sleep_until(*ended + COMMIT_WAIT).await;
            }
            while batch.len() < BATCH_EVENTS {
                match self.receiver.try_recv() {
                    Ok(event) => batch.push(event),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
            return Some(batch);
        }
    }

    async fn trim(&mut self) {
        let shipped = self.shipped.load(Ordering::Acquire);
        if let Some(journal) = self.journal.clone().filter(|_| shipped > self.trimmed) {
            // If it fails, it is tried with the next batch.
            let trimming = journal.clone();
            let _ = spawn_blocking(move || trimming.trim(shipped)).await;
            self.trimmed = shipped;
            self.note_room(&journal);
        }
        self.note_level();
    }

    async fn keep(&mut self, mut ended: Vec<Ended>) {
        if self.journal.as_ref().is_some_and(|journal| journal.is_over_half()) {
            let before = ended.len();
            ended.retain(|(_, event)| event.outcome != Outcome::Rejected);
            self.metrics.usage_events_dropped.inc_by((before - ended.len()) as u64);
        }
        let (ended, batch): (Vec<Instant>, Vec<UsageEvent>) = ended.into_iter().unzip();
        let Some(journal) = self.journal.clone() else { return self.keep_in_memory(batch).await };
        if batch.is_empty() {
            // Nothing but rejections comes, and no append would ever make room.
            return self.trim().await;
        }
        if !self.is_writable(&journal).await {
            return self.keep_in_memory(batch).await;
        }
        let shipped = self.shipped.load(Ordering::Acquire);
        let appending = journal.clone();
        let appended = spawn_blocking(move || {
            let place = appending.append(&batch, shipped);
            (place, batch)
        });
        let Ok((place, batch)) = appended.await else {
            error!("usage events are lost: writing them to the disk broke off");
            return;
        };
        self.trimmed = shipped;
        match place {
            Ok(place) => {
                self.note_commit(&ended);
                self.note_room(&journal);
                self.shelf.put(place, batch);
            }
            Err(JournalError::Full) => {
                self.note_full();
                self.drop_or_shelve(batch);
            }
            Err(error) => {
                error!(%error, "usage events can't be written to the disk; they wait in memory until it can be used");
                self.failing_since = Some(Instant::now());
                self.keep_in_memory(batch).await;
            }
        }
    }

    /// After an error of the disk it is opened anew, now and then.
    async fn is_writable(&mut self, journal: &Arc<Journal>) -> bool {
        let Some(since) = self.failing_since else { return true };
        if since.elapsed() < REOPEN_PAUSE {
            return false;
        }
        let reopening = journal.clone();
        match spawn_blocking(move || reopening.reopen()).await {
            Ok(Ok(level)) => {
                info!(events = level.events, "the disk takes usage events again");
                self.failing_since = None;
                // What could be written of a batch that failed is known to nobody here.
                self.shelf.fall_behind(level.last);
                true
            }
            Ok(Err(_)) | Err(_) => {
                self.failing_since = Some(Instant::now());
                false
            }
        }
    }

    /// Waits for room: meanwhile the queue fills, and then says so.
    async fn keep_in_memory(&self, mut batch: Vec<UsageEvent>) {
        while !batch.is_empty() {
            match self.shelf.put_unwritten(batch) {
                Ok(()) => return,
                Err(back) => batch = back,
            }
            if self.receiver.is_closed() {
                return self.lose(batch.len());
            }
            sleep(ROOM_PAUSE).await;
        }
    }

    fn drop_or_shelve(&self, batch: Vec<UsageEvent>) {
        if let Err(batch) = self.shelf.put_unwritten(batch) {
            self.lose(batch.len());
        }
    }

    fn lose(&self, events: usize) {
        self.metrics.usage_events_dropped.inc_by(events as u64);
        error!(lost = events, "usage events are lost: there is no more room for them");
    }

    fn note_commit(&self, ended: &[Instant]) {
        let lags = self.metrics.usage_commit_seconds.local();
        ended.iter().for_each(|at| lags.observe(at.elapsed().as_secs_f64()));
    }

    fn note_full(&self) {
        if !self.full.swap(true, Ordering::Relaxed) {
            error!(
                "as much usage waits on disk as may (KEYWARD_USAGE_DISK_MAX_BYTES): PostgreSQL has been away for long"
            );
        }
    }

    /// Half of it must be free: else calls would be refused and served by turns.
    fn note_room(&self, journal: &Journal) {
        if !journal.is_over_half() {
            self.full.store(false, Ordering::Relaxed);
        }
    }

    fn note_level(&self) {
        let level = self.journal.as_ref().map(|journal| journal.level()).unwrap_or_default();
        let waiting = level.events + self.shelf.unwritten() as u64;
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.usage_queue_events.set(gauge(waiting));
        self.metrics.usage_disk_bytes.set(gauge(level.bytes));
        self.metrics.usage_disk_failing.set(i64::from(self.failing_since.is_some()));
    }
}

#[cfg(test)]
pub mod tests {
    use keyward_domain::ids::{AccountId, AppId, ProxyId};
    use keyward_domain::usage::Extent;
    use time::macros::datetime;
    use uuid::Uuid;

    use super::*;

    /// Any one.
    pub fn event() -> UsageEvent {
        UsageEvent {
            id: Uuid::now_v7(),
            account: AccountId(Uuid::nil()),
            app: AppId(Uuid::nil()),
            proxy: ProxyId(Uuid::nil()),
            subject: None,
            occurred_at: datetime!(2026-03-01 12:00 UTC),
            extent: Extent::Call,
            method: "GET".to_owned(),
            endpoint: None,
            status: 200,
            outcome: Outcome::Completed,
            code: None,
            model: None,
            tokens: None,
            estimated: false,
            plan: None,
            cost_micro_usd: None,
            request_bytes: 0,
            response_bytes: 0,
            first_byte_ms: None,
            duration_ms: 1,
            app_check: None,
            byok_key: None,
        }
    }
}
