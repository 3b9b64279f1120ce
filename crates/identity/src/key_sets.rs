//! The cache of issuers' key sets: one fetch in flight per address, no lock held while it runs.
//! When to fetch is decided in `key_set_entry`; whether a token is good, in `verify`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keyward_domain::issuer::IssuerConfig;
use keyward_outbound::Guard;
use moka::sync::Cache;
use tokio::sync::watch;

use crate::fetch::{self, Discovery, FetchError};
use crate::jwk::KeySet;
use crate::key_set_entry::{EntryState, Flight, Next, Outcome};

/// Addresses kept; each was typed by a developer and takes a few KiB.
const MAX_ADDRESSES: u64 = 20_000;

#[derive(Clone)]
pub struct KeySets {
    inner: Arc<Inner>,
}

struct Inner {
    guard: Guard,
    client: reqwest::Client,
    overrides: HashMap<String, String>,
    entries: Cache<String, Arc<Entry>>,
    uptime: Uptime,
}

#[derive(Default)]
struct Entry(Mutex<EntryState>);

/// Time since some fixed moment. Ages of key sets must not jump with the wall clock.
#[derive(Clone)]
pub struct Uptime(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Uptime {
    pub fn system() -> Self {
        let start = Instant::now();
        Self::from_fn(move || start.elapsed())
    }

    pub fn from_fn(uptime: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(uptime))
    }
}

/// What a fetched key set holds, for the developer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetSummary {
    pub keys: usize,
    pub algorithms: Vec<String>,
}

impl KeySets {
    pub fn new(guard: Guard) -> Self {
        Self::with_overrides(guard, HashMap::new())
    }

    /// `overrides` sends a key set's address elsewhere (development: the emulator in place of Google).
    pub fn with_overrides(guard: Guard, overrides: HashMap<String, String>) -> Self {
        Self::with_uptime(guard, overrides, Uptime::system())
    }

    /// With ages from elsewhere, so that a test can let a day pass.
    pub fn with_uptime(guard: Guard, overrides: HashMap<String, String>, uptime: Uptime) -> Self {
        let client = guard.client(&fetch::TIMES);
        let entries = Cache::new(MAX_ADDRESSES);
        Self { inner: Arc::new(Inner { guard, client, overrides, entries, uptime }) }
    }

    /// Fetches an issuer's keys past the cache, and fills it. Says what a developer should know about them.
    pub async fn fetch_now(&self, config: &IssuerConfig) -> Result<KeySetSummary, FetchError> {
        let url = config.jwks_url().ok_or(FetchError::NoKeySet)?;
        let flight = {
            let entry = self.entry(&url);
            let mut state = entry.lock();
            self.join_or_start(&url, &entry, &mut state)
        };
        let set = arrival(flight).await?;
        Ok(KeySetSummary { keys: set.len(), algorithms: set.algorithms() })
    }

    /// Reads an OpenID Connect issuer's discovery document.
    pub async fn discover(&self, issuer_url: &str) -> Result<Discovery, FetchError> {
        fetch::discover(&self.inner.client, &self.inner.guard, issuer_url).await
    }

    /// The issuer's keys: at once when they are fresh, after a fetch when not, stale ones when that fails.
    pub(crate) async fn key_set(&self, url: &str) -> Outcome {
        let entry = self.entry(url);
        let flight = {
            let mut state = entry.lock();
            match state.next(self.now()) {
                Next::Use(set) => return Ok(set),
                Next::UseAndRenew(set) => {
                    self.join_or_start(url, &entry, &mut state);
                    return Ok(set);
                }
                Next::Unavailable(error) => return Err(error),
                Next::Fetch => self.join_or_start(url, &entry, &mut state),
            }
        };
        let outcome = arrival(flight).await;
        outcome.or_else(|error| entry.lock().set(self.now()).ok_or(error))
    }

    /// The set to search again for a key id that `known` does not have; fetched anew if it may be.
    pub(crate) async fn key_set_after_unknown_kid(&self, url: &str, known: Arc<KeySet>) -> Arc<KeySet> {
        let entry = self.entry(url);
        let flight = {
            let now = self.now();
            let mut state = entry.lock();
            match state.set(now) {
                // Another token's fetch has ended since we looked.
                Some(newer) if !Arc::ptr_eq(&newer, &known) => return newer,
                Some(_) | None => {}
            }
            if state.flight().is_none() && !state.claim_unknown_kid_fetch(now) {
                return known;
            }
            self.join_or_start(url, &entry, &mut state)
        };
        arrival(flight).await.unwrap_or(known)
    }

    fn now(&self) -> Duration {
        (self.inner.uptime.0)()
    }

    fn entry(&self, url: &str) -> Arc<Entry> {
        self.inner.entries.get_with_by_ref(url, Arc::default)
    }

    /// The fetch runs as its own task: a caller that goes away takes nobody else's answer with it.
    fn join_or_start(&self, url: &str, entry: &Arc<Entry>, state: &mut EntryState) -> Flight {
        if let Some(flight) = state.flight() {
            return flight;
        }
        let (landing, flight) = watch::channel(None);
        state.take_off(flight.clone());
        let (key_sets, url, entry) = (self.clone(), url.to_owned(), entry.clone());
        tokio::spawn(async move {
            let (outcome, max_age) = key_sets.fetch(&url).await;
            if let Err(error) = &outcome {
                tracing::warn!(%error, "an issuer's key set could not be fetched");
            }
            entry.lock().land(&outcome, max_age, key_sets.now());
            landing.send_replace(Some(outcome));
        });
        flight
    }

    async fn fetch(&self, url: &str) -> (Outcome, Option<Duration>) {
        let inner = &self.inner;
        let address = inner.overrides.get(url).map_or(url, String::as_str);
        match fetch::document(&inner.client, &inner.guard, address).await {
            Ok(document) => {
                let set = KeySet::parse(&document.body).map(Arc::new);
                (set.map_err(|reason| FetchError::KeySet { host: document.host, reason }), document.max_age)
            }
            Err(error) => (Err(error), None),
        }
    }
}

impl Entry {
    fn lock(&self) -> MutexGuard<'_, EntryState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn arrival(mut flight: Flight) -> Outcome {
    match flight.wait_for(Option::is_some).await {
        Ok(outcome) => outcome.clone().unwrap_or(Err(FetchError::BrokenOff)),
        Err(_) => Err(FetchError::BrokenOff),
    }
}
