//! Finished requests from the shelf, or the disk, to PostgreSQL: in large batches, again until it has them, then
//! forgotten. Sent twice, they count once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyward_domain::usage::UsageEvent;
use keyward_store::{Store, StoreError};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::metrics::Metrics;
use crate::usage_journal::Journal;
use crate::usage_shelf::{Next, Shelf};

/// So few that putting them together takes well under a millisecond of the processor.
const BATCH_EVENTS: usize = 500;
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub struct UsageShipper {
    pub shelf: Arc<Shelf>,
    pub journal: Option<Arc<Journal>>,
    /// PostgreSQL has all up to this place.
    pub shipped: Arc<AtomicU64>,
    pub store: Store,
    pub metrics: Metrics,
}

/// Some events, and what of the disk they are.
#[derive(Default)]
struct Load {
    events: Vec<UsageEvent>,
    through: Option<u64>,
    /// Of the events, those that are not on disk.
    unwritten: usize,
}

impl UsageShipper {
    /// Ends after `stop` when nothing is left, or after about `last_tries`: what is on disk can wait for the next start.
    pub async fn run(self, stop: CancellationToken, last_tries: Duration) {
        self.ship(&stop, last_tries).await;
        let unwritten = self.shelf.unwritten();
        if unwritten > 0 {
            self.lost(unwritten);
        }
    }

    async fn ship(&self, stop: &CancellationToken, last_tries: Duration) {
        let mut stopping_since = None;
        loop {
            if stop.is_cancelled() && self.shelf.unwritten() == 0 && self.journal.is_some() {
                let since: &mut Instant = stopping_since.get_or_insert_with(Instant::now);
                if since.elapsed() > last_tries {
                    return;
                }
            }
            let load = match self.shelf.next(BATCH_EVENTS) {
                Next::Parcels(parcels) => Load::of(parcels.into_iter().map(|parcel| (parcel.place, parcel.events))),
                Next::FromDisk(until) => self.read_from_disk(until).await,
                Next::Nothing => {
                    self.shelf.changed().await;
                    continue;
                }
                Next::End => return,
            };
            if let Err(left) = self.write(&load.events, stop, last_tries).await {
                let lost = load.unwritten.min(left);
                if lost > 0 {
                    self.lost(lost);
                }
                return;
            }
            if let Some(place) = load.through {
                self.shipped.fetch_max(place, Ordering::Release);
                self.shelf.caught_up(place);
            }
        }
    }

    fn lost(&self, events: usize) {
        self.metrics.usage_events_dropped.inc_by(events as u64);
        error!(lost = events, "usage events are lost: the database stayed away until the end");
    }

    async fn read_from_disk(&self, until: u64) -> Load {
        let Some(journal) = self.journal.clone() else { return Load::nothing_up_to(until) };
        let after = self.shipped.load(Ordering::Acquire);
        let read = spawn_blocking(move || journal.read_after(after, BATCH_EVENTS)).await;
        match read {
            Ok(Ok(batches)) if batches.is_empty() => Load::nothing_up_to(until),
            Ok(Ok(batches)) => {
                let unreadable = batches.iter().filter(|batch| batch.events.is_none()).count();
                self.metrics.usage_batches_unreadable.inc_by(unreadable as u64);
                Load::of(batches.into_iter().map(|batch| (Some(batch.place), batch.events.unwrap_or_default())))
            }
            failed => {
                let reason = match failed {
                    Ok(Err(error)) => error.to_string(),
                    Ok(Ok(_)) | Err(_) => "reading broke off".to_owned(),
                };
                warn!(reason, "usage events on disk can't be read now; trying again");
                sleep(LONGEST_PAUSE).await;
                Load::default()
            }
        }
    }

    /// Tries until it is written; after the stop only for a while. Gives back how many events were not.
    async fn write(&self, batch: &[UsageEvent], stop: &CancellationToken, last_tries: Duration) -> Result<(), usize> {
        let mut pause = Duration::from_millis(100);
        let mut stopping_since = None;
        let mut pieces = if batch.is_empty() { Vec::new() } else { vec![batch] };
        while let Some(piece) = pieces.pop() {
            match self.insert(piece).await {
                Written::All => continue,
                Written::Refused => {
                    pieces.extend(smaller(piece));
                    continue;
                }
                Written::NotNow => pieces.push(piece),
            }
            self.metrics.usage_batches_failed.inc();
            if stop.is_cancelled() && stopping_since.get_or_insert_with(Instant::now).elapsed() > last_tries {
                return Err(pieces.iter().map(|piece| piece.len()).sum());
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled(), if stopping_since.is_none() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    async fn insert(&self, events: &[UsageEvent]) -> Written {
        match timeout(WRITE_TIMEOUT, self.store.insert_usage_events(events)).await {
            Ok(Ok(())) => Written::All,
            Ok(Err(error)) if error.is_about_the_rows() => {
                self.note_refusal(events, &error);
                Written::Refused
            }
            Ok(Err(error)) => {
                warn!(%error, events = events.len(), "usage events not written; trying again");
                Written::NotNow
            }
            Err(_) => {
                warn!(events = events.len(), "usage events not written in time; trying again");
                Written::NotNow
            }
        }
    }

    /// An event that PostgreSQL will never take is given up; it must not hold up the others.
    fn note_refusal(&self, events: &[UsageEvent], error: &StoreError) {
        if let [event] = events {
            self.metrics.usage_events_dropped.inc();
            error!(%error, event.id = %event.id, proxy.id = %event.proxy, "a usage event is lost: the database refuses it");
        }
    }
}

impl Load {
    fn nothing_up_to(place: u64) -> Self {
        Self { through: Some(place), ..Self::default() }
    }

    fn of(batches: impl Iterator<Item = (Option<u64>, Vec<UsageEvent>)>) -> Self {
        batches.fold(Self::default(), |mut load, (place, events)| {
            load.unwritten += if place.is_none() { events.len() } else { 0 };
            load.events.extend(events);
            load.through = load.through.max(place);
            load
        })
    }
}

/// The halves of what was refused as a whole; the first one is tried first.
fn smaller(refused: &[UsageEvent]) -> Vec<&[UsageEvent]> {
    let (first, second) = refused.split_at(refused.len() / 2);
    if first.is_empty() { Vec::new() } else { vec![second, first] }
}

enum Written {
    All,
    /// The database won't have at least one of them.
    Refused,
    NotNow,
}
