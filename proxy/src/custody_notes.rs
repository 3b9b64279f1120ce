//! What the dashboard and a key's owner want to know of keys: refused by the provider, last used. Written behind the
//! calls, seldom, from a bounded queue; a note that is lost is made again with the next call.

use std::collections::HashMap;
use std::time::Duration;

use keyward_domain::ids::{ByokKeyId, KeyId, ProxyId};
use keyward_store::Store;
use keyward_store::sealed_keys::KeyRefusal;
use moka::sync::Cache;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::warn;

const QUEUE_NOTES: usize = 1_000;
/// The same is noted once in this time.
const NOTED_FOR: Duration = Duration::from_secs(60);
const BATCH_WAIT: Duration = Duration::from_millis(200);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const BATCH_NOTES: usize = 500;

#[derive(Clone, Copy, Debug)]
pub enum Note {
    Refused(KeyRefusal),
    Used { proxy: ProxyId, key: ByokKeyId, at: OffsetDateTime },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Refused(KeyId, u16),
    Used(ByokKeyId),
}

pub struct NoteQueue {
    sender: mpsc::Sender<Note>,
    noted: Cache<Subject, ()>,
}

pub struct NoteWriter {
    receiver: mpsc::Receiver<Note>,
    store: Store,
}

pub fn note_queue(store: Store) -> (NoteQueue, NoteWriter) {
    let (sender, receiver) = mpsc::channel(QUEUE_NOTES);
    let noted = Cache::builder().max_capacity(100_000).time_to_live(NOTED_FOR).build();
    (NoteQueue { sender, noted }, NoteWriter { receiver, store })
}

impl NoteQueue {
    /// Never waits.
    pub fn push(&self, note: Note) {
        let subject = match note {
            Note::Refused(refusal) => Subject::Refused(refusal.key, refusal.status),
            Note::Used { key, .. } => Subject::Used(key),
        };
        if !self.noted.contains_key(&subject) && self.sender.try_send(note).is_ok() {
            self.noted.insert(subject, ());
        }
    }
}

impl NoteWriter {
    /// Never ends while the queue is there.
    pub async fn run(mut self) {
        let mut notes = Vec::new();
        while self.receiver.recv_many(&mut notes, BATCH_NOTES).await > 0 {
            let (mut refusals, mut uses) = (HashMap::new(), HashMap::new());
            for note in notes.drain(..) {
                match note {
                    Note::Refused(refusal) => drop(refusals.insert(refusal.key, refusal)),
                    Note::Used { proxy, key, at } => drop(uses.insert(key, (proxy, key, at))),
                }
            }
            let refusals: Vec<KeyRefusal> = refusals.into_values().collect();
            let uses: Vec<_> = uses.into_values().collect();
            let writing = async {
                self.store.note_key_refusals(&refusals).await?;
                self.store.note_byok_uses(&uses).await
            };
            match timeout(WRITE_TIMEOUT, writing).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => warn!(%error, "what is known of keys could not be written"),
                Err(_) => warn!("what is known of keys could not be written in time"),
            }
            sleep(BATCH_WAIT).await;
        }
    }
}
