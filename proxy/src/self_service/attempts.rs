//! How often one user may make or change a key, which costs a call to the provider: in this process, by proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use keyward_domain::ids::ProxyId;
use keyward_domain::issuer::Subject;
use keyward_domain::rejection::Rejection;
use moka::sync::Cache;
use tokio::time::Instant;

const REMEMBERED: u64 = 100_000;
const CHANGES: u32 = 10;
const CHANGES_WINDOW: Duration = Duration::from_secs(60 * 60);

type Count = Arc<(Instant, AtomicU32)>;

pub struct Attempts {
    changes: Cache<(ProxyId, Subject), Count>,
}

impl Attempts {
    pub fn new() -> Self {
        Self { changes: Cache::builder().max_capacity(REMEMBERED).time_to_live(CHANGES_WINDOW).build() }
    }

    /// Making or changing a key.
    pub fn change(&self, proxy: ProxyId, subject: &Subject) -> Result<(), Rejection> {
        let entry = self.changes.get_with((proxy, subject.clone()), || Arc::new((Instant::now(), AtomicU32::new(0))));
        if entry.1.fetch_add(1, Ordering::Relaxed) < CHANGES {
            return Ok(());
        }
        let left = CHANGES_WINDOW.saturating_sub(entry.0.elapsed());
        Err(Rejection::SelfServiceTooOften { retry_after_secs: left.as_secs().max(1) })
    }
}
