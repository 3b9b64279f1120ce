//! The machine's clock and name.

use tokio::time::Instant;

/// A moment from which both ends of a stream count.
#[derive(Clone, Copy)]
pub struct Epoch(Instant);

impl Epoch {
    pub fn now() -> Self {
        Self(Instant::now())
    }

    pub fn micros(&self, at: Instant) -> u64 {
        u64::try_from((at - self.0).as_micros()).unwrap_or(u64::MAX)
    }
}

/// As the figures' page names it.
pub fn name() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let count = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{count} × {}, Linux {}", model.trim_start_matches(['\t', ' ', ':']), kernel.trim())
}
