//! The time, passed in: `main` makes the real one, tests make their own.

use std::sync::Arc;

use time::OffsetDateTime;

#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Clock {
    pub fn from_fn(now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn fixed(now: OffsetDateTime) -> Self {
        Self::from_fn(move || now)
    }

    pub fn now(&self) -> OffsetDateTime {
        (self.0)()
    }

    pub fn now_ms(&self) -> u64 {
        unix_ms(self.now())
    }
}

/// Milliseconds of the Unix epoch.
pub fn unix_ms(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp() * 1_000 + i64::from(at.millisecond())).unwrap_or(0)
}
