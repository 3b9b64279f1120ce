//! Many users at once, each doing one thing after the other, until they are told to stop.

mod ask;
mod files;
mod models;
mod refused;
mod sockets;
mod tokens;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::journal::Journal;
use crate::judge::limits::Measured;
use crate::site::{Clients, Site};

pub use ask::DEADLINE;
pub use tokens::Tokens;

/// At the same time. Enough for calls of every kind to be under way when a fault strikes.
const USERS: u64 = 12;
/// Users with limits, each of whom asks for more than they may.
const LIMITED_USERS: u64 = 2;

/// How the names of those begin of whom a judge knows what they may.
pub const LIMITED: [(&str, Measured); 4] = [
    ("counted", Measured::Requests),
    ("budgeted", Measured::Tokens),
    ("paying", Measured::Money),
    ("spending", Measured::TalkMoney),
];

/// One round's traffic.
pub struct Traffic {
    pub site: Arc<Site>,
    pub journal: Arc<Journal>,
    pub clients: Clients,
    /// At the end of every user's name.
    pub ending: String,
    tokens: Tokens,
    names: AtomicU64,
    /// Files of users, and what is in them.
    files: Mutex<Vec<files::Kept>>,
}

impl Traffic {
    pub fn new(site: Arc<Site>, round: u64) -> Self {
        let tokens = Tokens::new(site.client.clone(), site.emulator.clone());
        Self {
            clients: Clients::new(&site.papers, DEADLINE),
            site,
            journal: Arc::default(),
            ending: format!(".r{round}."),
            tokens,
            names: AtomicU64::default(),
            files: Mutex::default(),
        }
    }

    pub async fn run(&self, dice: &Dice, stop: &CancellationToken) {
        join_all((0..USERS).map(|at| self.live(dice.for_part(at), stop))).await;
    }

    async fn live(&self, mut dice: Dice, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match dice.below(100) {
                0..22 => self.json(&mut dice).await,
                22..40 => self.stream(&mut dice).await,
                40..50 => self.talk(&mut dice).await,
                50..60 => self.leave_early(&mut dice).await,
                60..64 => self.stop_reading(&mut dice).await,
                64..72 => self.upstream_breaks(&mut dice).await,
                72..76 => self.upstream_tells_the_key(&mut dice).await,
                76..84 => self.keep_a_file(&mut dice).await,
                84..87 => self.ask_for_the_forbidden(&mut dice).await,
                _ => {
                    let limited = dice.one_of(&LIMITED);
                    self.use_up(limited, dice.below(LIMITED_USERS), &mut dice).await;
                }
            }
        }
    }

    pub async fn token_of(&self, user: &str) -> String {
        self.tokens.of(user).await
    }

    /// A name that nothing else in this round has.
    fn name(&self, what: &str) -> String {
        format!("{what}{}{}", self.names.fetch_add(1, Ordering::Relaxed), self.ending)
    }

    fn keep(&self, file: files::Kept) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }

    fn some_file(&self, dice: &mut Dice) -> Option<files::Kept> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(dice.below(files.len() as u64)).ok()?;
        files.get(at).cloned()
    }
}
