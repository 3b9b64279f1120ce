//! Whether Redis can be reached. While it can't, nobody waits for it: only the watch tries.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

#[derive(Default)]
pub struct Reach(Mutex<Option<Instant>>);

impl Reach {
    /// For how long it has been away.
    pub fn away_for(&self) -> Option<Duration> {
        self.since().map(|since| since.elapsed())
    }

    pub fn lost(&self) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_none() {
            warn!("Redis can't be reached: limits hold for this node alone");
            *since = Some(Instant::now());
        }
    }

    pub fn found(&self) {
        let was = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(since) = was {
            info!(away_ms = since.elapsed().as_millis() as u64, "Redis is back");
        }
    }

    fn since(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
