//! What is known about one key set's address, and what to do next about it. No input or output.
//! Times are ages: time since the process began, so that a wall clock set back keeps no key alive.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::fetch::FetchError;
use crate::jwk::KeySet;

/// A set is kept this long when its issuer says nothing, or something outside these bounds.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(10 * 60);
const SHORTEST_LIFETIME: Duration = Duration::from_secs(60);
const LONGEST_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Beyond this a set that can't be renewed is no longer believed.
const STALE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
const UNKNOWN_KID_PAUSE: Duration = Duration::from_secs(30);
const FAILURE_PAUSE: Duration = Duration::from_secs(30);
/// With nothing to fall back on, a short outage should not last longer for our caution.
const FAILURE_PAUSE_WITHOUT_SET: Duration = Duration::from_secs(5);

pub(crate) type Outcome = Result<Arc<KeySet>, FetchError>;
/// Gets its value when the fetch ends; closes without one if the fetch died.
pub(crate) type Flight = watch::Receiver<Option<Outcome>>;

#[derive(Default)]
pub(crate) struct EntryState {
    loaded: Option<Loaded>,
    failure: Option<(Duration, FetchError)>,
    unknown_kid_fetch_at: Option<Duration>,
    flight: Option<Flight>,
}

struct Loaded {
    set: Arc<KeySet>,
    at: Duration,
    lifetime: Duration,
}

/// What a reader of the set does now.
pub(crate) enum Next {
    Use(Arc<KeySet>),
    /// Good for now; fetch the next one in the background.
    UseAndRenew(Arc<KeySet>),
    /// Wait for a fetch; if that fails, the old set may do.
    Fetch,
    Unavailable(FetchError),
}

impl EntryState {
    pub(crate) fn next(&self, now: Duration) -> Next {
        let Some(loaded) = self.believed(now) else {
            return match self.recent_failure(now, FAILURE_PAUSE_WITHOUT_SET) {
                Some(error) => Next::Unavailable(error.clone()),
                None => Next::Fetch,
            };
        };
        let set = loaded.set.clone();
        let age = now.saturating_sub(loaded.at);
        let may_fetch = self.recent_failure(now, FAILURE_PAUSE).is_none();
        match () {
            () if age < loaded.lifetime * 3 / 4 || !may_fetch => Next::Use(set),
            () if age < loaded.lifetime => Next::UseAndRenew(set),
            () => Next::Fetch,
        }
    }

    /// The set, however old it is within the limit.
    pub(crate) fn set(&self, now: Duration) -> Option<Arc<KeySet>> {
        self.believed(now).map(|loaded| loaded.set.clone())
    }

    fn believed(&self, now: Duration) -> Option<&Loaded> {
        self.loaded.as_ref().filter(|loaded| now.saturating_sub(loaded.at) < STALE_LIMIT)
    }

    fn recent_failure(&self, now: Duration, pause: Duration) -> Option<&FetchError> {
        self.failure.as_ref().filter(|(at, _)| now.saturating_sub(*at) < pause).map(|(_, error)| error)
    }

    /// Takes the right to fetch because of an unknown key id. Random ids must not turn into traffic.
    pub(crate) fn claim_unknown_kid_fetch(&mut self, now: Duration) -> bool {
        let is_too_soon = self.unknown_kid_fetch_at.is_some_and(|at| now.saturating_sub(at) < UNKNOWN_KID_PAUSE);
        if is_too_soon || self.recent_failure(now, FAILURE_PAUSE).is_some() {
            return false;
        }
        self.unknown_kid_fetch_at = Some(now);
        true
    }

    /// The fetch under way, if one is.
    pub(crate) fn flight(&self) -> Option<Flight> {
        self.flight.clone().filter(|flight| flight.borrow().is_none() && flight.has_changed().is_ok())
    }

    pub(crate) fn take_off(&mut self, flight: Flight) {
        self.flight = Some(flight);
    }

    /// A failure leaves the set that is there as it is.
    pub(crate) fn land(&mut self, outcome: &Outcome, max_age: Option<Duration>, now: Duration) {
        self.flight = None;
        match outcome {
            Ok(set) => {
                let lifetime = max_age.unwrap_or(DEFAULT_LIFETIME).clamp(SHORTEST_LIFETIME, LONGEST_LIFETIME);
                self.loaded = Some(Loaded { set: set.clone(), at: now, lifetime });
                self.failure = None;
            }
            Err(error) => self.failure = Some((now, error.clone())),
        }
    }
}
