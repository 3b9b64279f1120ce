//! The key generations of the issuer: the current one signs, kept ones stay published, one retired stays for bad tokens.
//! Also counts how often each key set was fetched.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
};

use aws_lc_rs::error::Unspecified;
use serde::Deserialize;
use serde_json::{Value, json};

use super::keys::Generation;

const KEPT_GENERATIONS: usize = 8;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignWith {
    #[default]
    Current,
    /// The generation before the last rotation, published or not.
    Previous,
    /// A key that was never published.
    UnknownKey,
}

pub struct KeyRing {
    /// Newest first.
    generations: RwLock<VecDeque<Kept>>,
    unknown: OnceLock<Arc<Generation>>,
    fetches: Mutex<BTreeMap<String, u64>>,
}

struct Kept {
    generation: Arc<Generation>,
    published: bool,
}

impl KeyRing {
    pub fn generate() -> Result<Self, Unspecified> {
        let first = Kept { generation: Arc::new(Generation::generate()?), published: true };
        Ok(Self {
            generations: RwLock::new(VecDeque::from([first])),
            unknown: OnceLock::new(),
            fetches: Mutex::default(),
        })
    }

    pub fn rotate(&self, keep_previous: bool) -> Result<(), Unspecified> {
        let next = Kept { generation: Arc::new(Generation::generate()?), published: true };
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if !keep_previous {
            generations.iter_mut().for_each(|kept| kept.published = false);
        }
        generations.push_front(next);
        generations.truncate(KEPT_GENERATIONS);
        Ok(())
    }

    /// The JWKs of all published generations, newest first.
    pub fn published(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        let published = generations.iter().filter(|kept| kept.published);
        published
            .flat_map(|kept| [kept.generation.ec.jwk(), kept.generation.rsa.jwk()])
            .filter(|jwk| wanted(jwk))
            .collect()
    }

    pub fn current(&self) -> Option<Arc<Generation>> {
        self.at(0)
    }

    /// The keys to sign with; absent when there was no rotation yet, or no key could be made.
    pub fn choose(&self, sign_with: SignWith) -> Option<Arc<Generation>> {
        match sign_with {
            SignWith::Current => self.at(0),
            SignWith::Previous => self.at(1),
            SignWith::UnknownKey => {
                if let Some(unknown) = self.unknown.get() {
                    return Some(Arc::clone(unknown));
                }
                let made = Arc::new(Generation::generate().ok()?);
                Some(Arc::clone(self.unknown.get_or_init(|| made)))
            }
        }
    }

    fn at(&self, position: usize) -> Option<Arc<Generation>> {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.get(position).map(|kept| Arc::clone(&kept.generation))
    }

    pub fn count_fetch(&self, path: &str) {
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        *fetches.entry(path.to_owned()).or_default() += 1;
    }

    pub fn fetches(&self) -> Value {
        let fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        json!({"total": fetches.values().sum::<u64>(), "by_path": *fetches})
    }

    pub fn forget_fetches(&self) {
        self.fetches.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
