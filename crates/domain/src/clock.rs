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
}
