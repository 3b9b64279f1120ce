//! Finished requests on their way to Postgres: a bounded queue, batches by size or time, retries, drained at the end.

use std::time::Duration;

use keyward_domain::usage::{Outcome, UsageEvent};
use keyward_store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::metrics::Metrics;

const BATCH_EVENTS: usize = 500;
const BATCH_WAIT: Duration = Duration::from_millis(50);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub struct UsageQueue {
    sender: mpsc::Sender<UsageEvent>,
    metrics: Metrics,
}

impl UsageQueue {
    /// Never waits. Rejections leave half of the queue to calls that cost money, so that a flood can't crowd them out.
    pub fn push(&self, event: UsageEvent) {
        let crowded = self.sender.capacity() < self.sender.max_capacity() / 2;
        let dropped = (crowded && event.outcome == Outcome::Rejected) || self.sender.try_send(event).is_err();
        if dropped {
            self.metrics.usage_events_dropped.inc();
        }
    }
}

pub struct UsageWriter {
    receiver: mpsc::Receiver<UsageEvent>,
    store: Store,
    metrics: Metrics,
}

pub fn usage_queue(capacity: usize, store: Store, metrics: Metrics) -> (UsageQueue, UsageWriter) {
    let (sender, receiver) = mpsc::channel(capacity);
    (UsageQueue { sender, metrics: metrics.clone() }, UsageWriter { receiver, store, metrics })
}

impl UsageWriter {
    /// Ends after `stop` when the queue is empty, or after `last_tries` of a database that stays away.
    pub async fn run(mut self, stop: CancellationToken, last_tries: Duration) {
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                _ = self.receiver.recv_many(&mut batch, BATCH_EVENTS) => {}
                () = stop.cancelled(), if !self.receiver.is_closed() => {
                    self.receiver.close();
                    continue;
                }
            }
            if batch.is_empty() {
                return;
            }
            self.fill(&mut batch).await;
            self.metrics.usage_queue_events.set(i64::try_from(self.receiver.len()).unwrap_or(i64::MAX));
            if let Err(unwritten) = self.write(&batch, &stop, last_tries).await {
                let lost = unwritten + self.receiver.len();
                self.metrics.usage_events_dropped.inc_by(lost as u64);
                error!(lost, "usage events are lost: the database stayed away until the end");
                return;
            }
        }
    }

    async fn fill(&mut self, batch: &mut Vec<UsageEvent>) {
        let until = Instant::now() + BATCH_WAIT;
        while batch.len() < BATCH_EVENTS {
            match timeout_at(until, self.receiver.recv()).await {
                Ok(Some(event)) => batch.push(event),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Tries until it is written; after the stop only for a while. Gives back how many events were not.
    async fn write(&self, batch: &[UsageEvent], stop: &CancellationToken, last_tries: Duration) -> Result<(), usize> {
        let mut pause = Duration::from_millis(100);
        let mut stopping_since = None;
        let mut pieces = vec![batch];
        while let Some(piece) = pieces.pop() {
            match self.insert(piece).await {
                Written::All => continue,
                Written::Refused => {
                    pieces.extend(self.smaller(piece));
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

    /// The halves of what was refused as a whole; the first one is tried first.
    fn smaller<'a>(&self, refused: &'a [UsageEvent]) -> Vec<&'a [UsageEvent]> {
        let (first, second) = refused.split_at(refused.len() / 2);
        if first.is_empty() { Vec::new() } else { vec![second, first] }
    }
}

enum Written {
    All,
    /// The database won't have at least one of them.
    Refused,
    NotNow,
}
