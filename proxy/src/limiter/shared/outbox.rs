//! What Redis must still be told of calls that have ended: kept while it is away, and sent until it is heard. A message
//! that arrives twice counts once.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use uuid::Uuid;

use super::link::Link;
use super::reach::Reach;
use crate::limiter::{Dimension, Scope};

const CAPACITY: usize = 100_000;
const AT_ONCE: usize = 256;
const PAUSE: Duration = Duration::from_millis(100);

pub struct Message {
    pub scope: Scope,
    pub call: Uuid,
    pub node: Arc<str>,
    pub mode: Mode,
    pub parts: Vec<Part>,
}

/// One dimension of a call that has ended.
pub struct Part {
    pub dimension: Dimension,
    pub bucket_ms: u64,
    pub gone_at_ms: u64,
    /// What is counted in the end.
    pub remains: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Settle,
    /// It is not known whether the reservation arrived.
    Cancel,
    /// It was made in this process alone.
    Late,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Settle => "settle",
            Self::Cancel => "cancel",
            Self::Late => "late",
        }
    }
}

#[derive(Clone)]
pub struct Outbox(mpsc::Sender<Message>);

pub struct Postman {
    messages: mpsc::Receiver<Message>,
    link: Link,
    reach: Arc<Reach>,
}

pub fn outbox(link: Link, reach: Arc<Reach>) -> (Outbox, Postman) {
    let (sender, messages) = mpsc::channel(CAPACITY);
    (Outbox(sender), Postman { messages, link, reach })
}

impl Outbox {
    pub fn send(&self, message: Message) {
        if self.0.try_send(message).is_err() {
            warn!("Redis is away for too long: what a call used is not counted there");
        }
    }
}

impl Postman {
    /// Ends after `stop` when all is sent, or after `last_tries` of a Redis that stays away.
    pub async fn run(mut self, stop: CancellationToken, last_tries: Duration) {
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                _ = self.messages.recv_many(&mut batch, AT_ONCE) => {}
                () = stop.cancelled(), if !self.messages.is_closed() => {
                    self.messages.close();
                    continue;
                }
            }
            if batch.is_empty() || !self.deliver(batch, &stop, last_tries).await {
                return;
            }
        }
    }

    async fn deliver(&self, mut batch: Vec<Message>, stop: &CancellationToken, last_tries: Duration) -> bool {
        let mut stopping_since = None;
        loop {
            let sent = join_all(batch.iter().map(|message| self.link.settle(message))).await;
            let unsent = sent.iter().map(|sent| sent.as_ref().err());
            if let Some(error) = unsent.flatten().next() {
                debug!(%error, "what calls used is not counted yet; trying again");
                self.reach.lost();
            }
            batch =
                batch.into_iter().zip(sent).filter_map(|(message, sent)| sent.is_err().then_some(message)).collect();
            if batch.is_empty() {
                return true;
            }
            if stop.is_cancelled() && stopping_since.get_or_insert_with(Instant::now).elapsed() > last_tries {
                warn!(lost = batch.len(), "Redis stayed away until the end: what some calls used is not counted there");
                return false;
            }
            sleep(PAUSE).await;
        }
    }
}
