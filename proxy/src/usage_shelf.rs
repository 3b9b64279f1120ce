//! Batches of finished requests between the disk and PostgreSQL, so that what was just written need not be read again.
//! What there is no room for is read from disk later.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_domain::usage::UsageEvent;
use tokio::sync::Notify;

/// A batch, and its place on disk if it has one.
pub struct Parcel {
    pub place: Option<u64>,
    pub events: Vec<UsageEvent>,
}

pub struct Shelf {
    stock: Mutex<Stock>,
    changed: Notify,
    most_events: usize,
}

#[derive(Default)]
struct Stock {
    parcels: VecDeque<Parcel>,
    events: usize,
    /// What is on disk up to this place is not here.
    behind: Option<u64>,
    is_closed: bool,
}

/// What is to be shipped next.
pub enum Next {
    Parcels(Vec<Parcel>),
    /// Up to this place.
    FromDisk(u64),
    Nothing,
    /// And never will be.
    End,
}

impl Shelf {
    pub fn new(most_events: usize) -> Self {
        Self { stock: Mutex::default(), changed: Notify::new(), most_events }
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A batch that is on disk.
    pub fn put(&self, place: u64, events: Vec<UsageEvent>) {
        let mut stock = self.stock();
        if stock.behind.is_some() || stock.events + events.len() > self.most_events {
            stock.fall_behind(place);
        } else {
            stock.push(Parcel { place: Some(place), events });
        }
        drop(stock);
        self.changed.notify_one();
    }

    /// What waits on disk from before.
    pub fn fall_behind(&self, place: u64) {
        self.stock().fall_behind(place);
        self.changed.notify_one();
    }

    /// A batch that is nowhere else; given back if there is no room.
    pub fn put_unwritten(&self, events: Vec<UsageEvent>) -> Result<(), Vec<UsageEvent>> {
        let mut stock = self.stock();
        if stock.events > 0 && stock.events + events.len() > self.most_events {
            return Err(events);
        }
        stock.push(Parcel { place: None, events });
        drop(stock);
        self.changed.notify_one();
        Ok(())
    }

    /// Events that are nowhere but in memory.
    pub fn unwritten(&self) -> usize {
        let stock = self.stock();
        let unwritten = stock.parcels.iter().filter(|parcel| parcel.place.is_none());
        unwritten.map(|parcel| parcel.events.len()).sum()
    }

    /// Nothing more will be put here.
    pub fn close(&self) {
        self.stock().is_closed = true;
        self.changed.notify_one();
    }

    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The oldest first, about so many events.
    pub fn next(&self, events: usize) -> Next {
        let mut stock = self.stock();
        let is_first_unwritten = stock.parcels.front().is_some_and(|parcel| parcel.place.is_none());
        if let Some(place) = stock.behind.filter(|_| !is_first_unwritten) {
            return Next::FromDisk(place);
        }
        let (mut taken, mut count) = (Vec::new(), 0);
        while count < events
            && let Some(parcel) = stock.parcels.pop_front()
        {
            count += parcel.events.len();
            taken.push(parcel);
        }
        stock.events -= count;
        match (taken.is_empty(), stock.is_closed) {
            (false, _) => Next::Parcels(taken),
            (true, false) => Next::Nothing,
            (true, true) => Next::End,
        }
    }

    /// All that was on disk up to this place is shipped.
    pub fn caught_up(&self, place: u64) {
        let mut stock = self.stock();
        if stock.behind.is_some_and(|behind| behind <= place) {
            stock.behind = None;
        }
    }
}

impl Stock {
    fn push(&mut self, parcel: Parcel) {
        self.events += parcel.events.len();
        self.parcels.push_back(parcel);
    }

    /// Parcels that are on disk make room: they would come after those that aren't here.
    fn fall_behind(&mut self, place: u64) {
        self.behind = self.behind.max(Some(place));
        self.parcels.retain(|parcel| parcel.place.is_none());
        self.events = self.parcels.iter().map(|parcel| parcel.events.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage_queue::tests::event;

    fn places(next: Next) -> Vec<Option<u64>> {
        match next {
            Next::Parcels(parcels) => parcels.iter().map(|parcel| parcel.place).collect(),
            Next::FromDisk(_) | Next::Nothing | Next::End => Vec::new(),
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_read_from_disk_and_what_is_only_here_stays() {
        let shelf = Shelf::new(3);
        shelf.put(1, vec![event(), event()]);
        assert!(shelf.put_unwritten(vec![event()]).is_ok());
        assert!(shelf.put_unwritten(vec![event()]).is_err());
        shelf.put(2, vec![event()]);
        assert_eq!(shelf.unwritten(), 1);
        assert_eq!(places(shelf.next(10)), [None]);
        assert!(matches!(shelf.next(10), Next::FromDisk(2)));
        // Until that is shipped, all that comes is left on disk.
        shelf.put(3, vec![event()]);
        shelf.caught_up(2);
        assert!(matches!(shelf.next(10), Next::FromDisk(3)));
        shelf.caught_up(3);
        shelf.put(4, vec![event()]);
        shelf.close();
        assert_eq!(places(shelf.next(10)), [Some(4)]);
        assert!(matches!(shelf.next(10), Next::End));
    }
}
