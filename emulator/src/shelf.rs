//! A bounded place in memory for the objects of a provider: in order of creation, found by id, listed in pages.
//! When it is full the oldest object is dropped.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Deserialize;

pub struct Shelf<T> {
    inner: Mutex<Inner<T>>,
    max_items: usize,
    max_weight: u64,
}

struct Inner<T> {
    next: u64,
    weight: u64,
    positions: HashMap<String, u64>,
    items: BTreeMap<u64, Item<T>>,
}

struct Item<T> {
    id: String,
    weight: u64,
    content: T,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    Asc,
    #[default]
    Desc,
}

#[derive(Debug, Default, Deserialize)]
pub struct PageQuery {
    pub limit: Option<usize>,
    /// The last id of the page before.
    pub after: Option<String>,
    /// The first id of the page after.
    pub before: Option<String>,
    #[serde(default)]
    pub order: Order,
    /// Lists of files only.
    pub purpose: Option<String>,
}

pub struct Page<T> {
    pub items: Vec<(String, T)>,
    pub has_more: bool,
}

impl<T: Clone> Shelf<T> {
    pub fn new(max_items: usize) -> Self {
        Self::with_max_weight(max_items, u64::MAX)
    }

    pub fn with_max_weight(max_items: usize, max_weight: u64) -> Self {
        Self { inner: Mutex::new(Inner::default()), max_items, max_weight }
    }

    pub fn insert(&self, id: String, content: T) {
        self.insert_weighing(id, content, 0);
    }

    pub fn insert_weighing(&self, id: String, content: T, weight: u64) {
        let mut inner = self.lock();
        inner.remove(&id);
        while !inner.items.is_empty()
            && (inner.items.len() >= self.max_items || inner.weight.saturating_add(weight) > self.max_weight)
        {
            inner.remove_oldest();
        }
        let position = inner.next;
        inner.next += 1;
        inner.weight += weight;
        inner.positions.insert(id.clone(), position);
        inner.items.insert(position, Item { id, weight, content });
    }

    pub fn get(&self, id: &str) -> Option<T> {
        let inner = self.lock();
        let position = inner.positions.get(id)?;
        inner.items.get(position).map(|item| item.content.clone())
    }

    /// Changes an object in place and returns what `change` returns.
    pub fn change<R>(&self, id: &str, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut inner = self.lock();
        let position = *inner.positions.get(id)?;
        inner.items.get_mut(&position).map(|item| change(&mut item.content))
    }

    pub fn remove(&self, id: &str) -> Option<T> {
        self.lock().remove(id)
    }

    pub fn clear(&self) {
        *self.lock() = Inner::default();
    }

    /// One page of the objects that `wanted` accepts; `None` when a cursor names no object.
    pub fn page(&self, query: &PageQuery, default_limit: usize, wanted: impl Fn(&T) -> bool) -> Option<Page<T>> {
        let inner = self.lock();
        let cursor = |id: &Option<String>| match id {
            Some(id) => inner.positions.get(id).copied().map(Some),
            None => Some(None),
        };
        let (after, before) = (cursor(&query.after)?, cursor(&query.before)?);
        // `after` and `before` follow the order of the list, positions that of creation.
        let (above, below) = match query.order {
            Order::Asc => (after, before),
            Order::Desc => (before, after),
        };
        let inside = |position: &u64| above.is_none_or(|a| *position > a) && below.is_none_or(|b| *position < b);
        let limit = query.limit.unwrap_or(default_limit).max(1);
        let chosen = inner.items.iter().filter(|(position, item)| inside(position) && wanted(&item.content));
        let copy = |(_, item): (&u64, &Item<T>)| (item.id.clone(), item.content.clone());
        let mut items: Vec<(String, T)> = match query.order {
            Order::Asc => chosen.take(limit + 1).map(copy).collect(),
            Order::Desc => chosen.rev().take(limit + 1).map(copy).collect(),
        };
        let has_more = items.len() > limit;
        items.truncate(limit);
        Some(Page { items, has_more })
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Inner<T> {
    fn default() -> Self {
        Self { next: 0, weight: 0, positions: HashMap::new(), items: BTreeMap::new() }
    }
}

impl<T> Inner<T> {
    fn remove(&mut self, id: &str) -> Option<T> {
        let position = self.positions.remove(id)?;
        let item = self.items.remove(&position)?;
        self.weight -= item.weight;
        Some(item.content)
    }

    fn remove_oldest(&mut self) {
        if let Some((_, item)) = self.items.pop_first() {
            self.positions.remove(&item.id);
            self.weight -= item.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<T>(page: Option<Page<T>>) -> Vec<String> {
        page.unwrap().items.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn pages_follow_each_other_in_both_orders() {
        let shelf = Shelf::new(10);
        for id in ["a", "b", "c", "d"] {
            shelf.insert(id.to_owned(), ());
        }
        let query = |after: Option<&str>, before: Option<&str>, order| PageQuery {
            limit: Some(2),
            after: after.map(str::to_owned),
            before: before.map(str::to_owned),
            order,
            purpose: None,
        };
        assert_eq!(ids(shelf.page(&query(None, None, Order::Desc), 20, |()| true)), ["d", "c"]);
        assert_eq!(ids(shelf.page(&query(Some("c"), None, Order::Desc), 20, |()| true)), ["b", "a"]);
        assert_eq!(ids(shelf.page(&query(Some("b"), None, Order::Asc), 20, |()| true)), ["c", "d"]);
        assert_eq!(ids(shelf.page(&query(None, Some("b"), Order::Asc), 20, |()| true)), ["a"]);
        assert!(shelf.page(&query(Some("x"), None, Order::Asc), 20, |()| true).is_none());
        assert!(shelf.page(&query(None, None, Order::Asc), 20, |()| true).unwrap().has_more);
    }

    #[test]
    fn drops_the_oldest_when_it_is_full() {
        let shelf = Shelf::with_max_weight(3, 100);
        for (id, weight) in [("a", 10), ("b", 10), ("c", 10), ("d", 10)] {
            shelf.insert_weighing(id.to_owned(), (), weight);
        }
        assert_eq!(shelf.get("a"), None);
        shelf.insert_weighing("e".to_owned(), (), 95);
        assert_eq!(ids(shelf.page(&PageQuery::default(), 20, |()| true)), ["e"]);
        // Larger than everything allowed: it is kept alone.
        shelf.insert_weighing("f".to_owned(), (), 200);
        assert_eq!(ids(shelf.page(&PageQuery::default(), 20, |()| true)), ["f"]);
    }
}
