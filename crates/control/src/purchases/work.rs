//! What this process remembers of its work on purchases: that there is some, which sellers can't be asked for now, and which
//! webhooks it refused.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use keyward_payments::WebhookRefusal;
use keyward_store::purchase_sources::SourceRef;
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

use super::backoff;

/// A seller that could not be asked is left alone for so long at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::seconds(1), Duration::minutes(1));

#[derive(Default)]
pub(crate) struct PurchaseWork {
    /// A webhook was taken.
    pub(super) there_is_some: Notify,
    pauses: Mutex<HashMap<SourceRef, Pause>>,
    /// The last of each connection, until one is taken. Not written down: anybody can send what is refused.
    refusals: Mutex<HashMap<SourceRef, (OffsetDateTime, WebhookRefusal)>>,
}

#[derive(Clone, Copy)]
struct Pause {
    until: OffsetDateTime,
    failures: i32,
}

impl PurchaseWork {
    /// Until when nothing is asked of it, if so.
    pub(super) fn paused_until(&self, source: &SourceRef, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.get(source).map(|pause| pause.until).filter(|until| now < *until)
    }

    /// Readings that failed at the same time are one failure.
    pub(super) fn pause(&self, source: &SourceRef, asked: Option<Duration>, now: OffsetDateTime) {
        let mut pauses = self.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pauses.get(source).copied();
        if known.is_some_and(|pause| now < pause.until) {
            return;
        }
        let failures = known.map_or(0, |pause| pause.failures);
        let until = now + backoff::wait(failures, PAUSE, asked, backoff::jitter());
        pauses.insert(*source, Pause { until, failures: failures + 1 });
    }

    pub(super) fn refused(&self, source: &SourceRef, why: WebhookRefusal, now: OffsetDateTime) {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).insert(*source, (now, why));
    }

    pub(super) fn taken(&self, source: &SourceRef) {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).remove(source);
    }

    pub(super) fn last_refusal(&self, source: &SourceRef) -> Option<(OffsetDateTime, WebhookRefusal)> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).get(source).copied()
    }

    pub(super) fn answered(&self, source: &SourceRef) {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner).remove(source);
    }
}
