//! How late this machine is: a thread that sleeps a moment and writes a byte to the edges' disk, again and again. What an
//! edge may lose at a `kill -9` is as long as its commits took, and as long as the machine made it wait.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// docs/usage.md: what ended longer ago is on disk, where the disk is fast.
const OWN: Duration = Duration::from_millis(50);
/// For a machine that is never late: the client's last byte and the edge's next step are not the same instant.
const LEAST_WAIT: Duration = Duration::from_millis(20);
/// A machine that stands still for longer proves nothing about times: those of the edges here begin at 2 s.
const STANDSTILL: Duration = Duration::from_secs(1);
const BEAT: Duration = Duration::from_millis(10);

pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// Ends with the last beat after it was dropped.
    pub fn start(file: PathBuf) -> Self {
        let slowest = Arc::new(AtomicU64::default());
        let weak = Arc::downgrade(&slowest);
        spawn(move || {
            while let Some(slowest) = weak.upgrade() {
                let began = Instant::now();
                sleep(BEAT);
                // A full disk is not late.
                let _ = File::create(&file).and_then(|mut file| file.write_all(b".").and_then(|()| file.sync_all()));
                let late = began.elapsed().saturating_sub(BEAT);
                slowest.fetch_max(u64::try_from(late.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self(slowest)
    }

    /// For how long the whole machine, or all processes of this run, stood still.
    pub fn stood_still(&self) -> Option<Duration> {
        Some(self.slowest()).filter(|slowest| *slowest > STANDSTILL)
    }

    fn slowest(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// What may be lost, by the slowest commit that the edges tell of, and the slowest beat so far: an edge has to be woken
    /// twice, for the call and for the write.
    pub fn loss_window(&self, slowest_commit: Option<Duration>) -> Duration {
        OWN.max(slowest_commit.unwrap_or_default()) + LEAST_WAIT.max(2 * self.slowest())
    }
}
