//! A map in pieces that versions of it share: of a hundred thousand entries, a change copies the few that stand near it.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

const SHARDS: usize = 256;

#[derive(Clone)]
pub struct Shards<K, V> {
    hasher: RandomState,
    shards: Vec<Arc<HashMap<K, V>>>,
    len: usize,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        let shards = std::iter::repeat_with(Arc::default).take(SHARDS).collect();
        Self { hasher: RandomState::new(), shards, len: 0 }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Shards<K, V> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shards[self.place(key)].get(key)
    }

    pub fn insert(&mut self, key: K, value: V) {
        let place = self.place(&key);
        self.len += usize::from(Arc::make_mut(&mut self.shards[place]).insert(key, value).is_none());
    }

    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let place = self.place(key);
        if !self.shards[place].contains_key(key) {
            return None;
        }
        self.len -= 1;
        Arc::make_mut(&mut self.shards[place]).remove(key)
    }

    fn place<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        (self.hasher.hash_one(key) % SHARDS as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stays_as_it_was_and_shares_what_did_not_change() {
        let mut old: Shards<String, u32> = Shards::default();
        (0..10_000).for_each(|number| old.insert(number.to_string(), number));
        let mut new = old.clone();
        new.insert("7".into(), 70);
        new.insert("more".into(), 1);
        assert_eq!((new.remove("8"), new.remove("8"), new.remove("none")), (Some(8), None, None));
        assert_eq!((old.get("7"), old.get("8"), old.get("more"), old.len()), (Some(&7), Some(&8), None, 10_000));
        assert_eq!((new.get("7"), new.get("8"), new.get("more"), new.len()), (Some(&70), None, Some(&1), 10_000));
        let shared = old.shards.iter().zip(&new.shards).filter(|(old, new)| Arc::ptr_eq(old, new)).count();
        assert!(shared >= SHARDS - 3, "{shared} of {SHARDS} shared");
    }
}
