//! Finished requests on their way to Postgres: a bounded queue, batches by size or time, retries, drained at the end.

use std::time::Duration;

use keyward_domain::usage::{Outcome, UsageEvent};
use keyward_store::Store;
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
            if !self.write(&batch, &stop, last_tries).await {
                let lost = batch.len() + self.receiver.len();
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

    /// Whether it was written. Before the stop it is tried until it is.
    async fn write(&self, batch: &[UsageEvent], stop: &CancellationToken, last_tries: Duration) -> bool {
        let mut pause = Duration::from_millis(100);
        let mut stopping_since = None;
        loop {
            match timeout(WRITE_TIMEOUT, self.store.insert_usage_events(batch)).await {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => warn!(%error, events = batch.len(), "usage events not written; trying again"),
                Err(_) => warn!(events = batch.len(), "usage events not written in time; trying again"),
            }
            self.metrics.usage_batches_failed.inc();
            if stop.is_cancelled() && stopping_since.get_or_insert_with(Instant::now).elapsed() > last_tries {
                return false;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.cancelled(), if stopping_since.is_none() => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
