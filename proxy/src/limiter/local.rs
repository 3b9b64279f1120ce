//! The counters of this process. Those of one decision lie in several shards, which are locked in their order, so that no
//! two decisions wait for each other; under the locks the decision is one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use keyward_domain::clock::Clock;
use keyward_domain::ids::AppId;
use keyward_domain::limits::counter::{Counter, Frame};
use keyward_domain::limits::quota::{Quota, Shortage};
use keyward_domain::limits::{Counting, Measure};

use super::{Demand, Dimension, Limiter, Mark, Origin, Refusal, Reservation, Reserved, Settlement};

const SHARDS: usize = 64;

type Key = (AppId, String);

pub struct LocalLimiter {
    shards: [Mutex<HashMap<Key, Entry>>; SHARDS],
    hasher: RandomState,
    clock: Clock,
}

#[derive(Default)]
struct Entry {
    counter: Counter,
    /// When the last of it has left its window.
    gone_at_ms: u64,
    /// Calls that hold something of it.
    open: u64,
    kept_over_restart: bool,
    changed: bool,
}

/// A counter that a later process should know.
pub struct Kept {
    pub app: AppId,
    pub name: String,
    pub counter: Counter,
    pub gone_at_ms: u64,
}

/// The shards of one decision.
struct Locked<'a> {
    at: Vec<usize>,
    guards: Vec<MutexGuard<'a, HashMap<Key, Entry>>>,
    places: Vec<usize>,
}

impl Locked<'_> {
    fn entry(&mut self, dimension: usize, app: AppId, name: &str) -> &mut Entry {
        let shard = self.at.binary_search(&self.places[dimension]).expect("every place is among those locked");
        self.guards[shard].entry((app, name.to_owned())).or_default()
    }
}

impl LocalLimiter {
    pub fn new(clock: Clock) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::new(), clock }
    }

    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
    }

    /// Forgets the counters of one shard that could refuse nothing any more.
    pub fn sweep(&self, shard: usize) {
        let now_ms = self.now_ms();
        self.shard(shard % SHARDS).retain(|_, entry| entry.open > 0 || entry.changed || entry.gone_at_ms > now_ms);
    }

    pub fn take_changed(&self) -> Vec<Kept> {
        let mut changed = Vec::new();
        for shard in 0..SHARDS {
            for ((app, name), entry) in self.shard(shard).iter_mut().filter(|(_, entry)| entry.changed) {
                entry.changed = false;
                let counter = entry.counter.clone();
                changed.push(Kept { app: *app, name: name.clone(), counter, gone_at_ms: entry.gone_at_ms });
            }
        }
        changed
    }

    /// They could not be written down; they are due again.
    pub fn give_back(&self, unwritten: &[Kept]) {
        for kept in unwritten {
            let key = (kept.app, kept.name.clone());
            if let Some(entry) = self.shard(self.place(&key)).get_mut(&key) {
                entry.changed = true;
            }
        }
    }

    pub fn absorb(&self, earlier: Vec<Kept>) {
        for kept in earlier {
            let key = (kept.app, kept.name);
            let mut shard = self.shard(self.place(&key));
            let entry = shard.entry(key).or_default();
            entry.counter.absorb(&kept.counter);
            entry.gone_at_ms = entry.gone_at_ms.max(kept.gone_at_ms);
            entry.kept_over_restart = true;
        }
    }

    fn place(&self, key: &Key) -> usize {
        self.hasher.hash_one(key) as usize % SHARDS
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self, demand: &Demand) -> Locked<'_> {
        let place = |dimension: &Dimension| self.place(&(demand.app, dimension.name.clone()));
        let places: Vec<usize> = demand.dimensions.iter().map(place).collect();
        let mut at = places.clone();
        at.sort_unstable();
        at.dedup();
        let guards = at.iter().map(|&shard| self.shard(shard)).collect();
        Locked { at, guards, places }
    }

    pub fn reserve_now(&self, demand: Demand) -> Result<Reserved, Shortage> {
        let now_ms = self.now_ms();
        let mut locked = self.lock(&demand);
        let mut quotas = Vec::with_capacity(demand.dimensions.len());
        let mut short: Option<Shortage> = None;
        for (at, dimension) in demand.dimensions.iter().enumerate() {
            let (frame, counter) = view(&mut locked, &demand, at, now_ms);
            let used = counter.used(frame);
            if dimension.is_short(used) {
                let frees = counter.frees_in_ms(dimension.wanted(used), frame, now_ms);
                let shortage = dimension.shortage(dimension.quota(used, frees, frame, now_ms));
                // Of several, the one that lasts longest: before, no try succeeds.
                let lasts = short.as_ref().is_none_or(|other| other.quota.reset_secs < shortage.quota.reset_secs);
                short = if lasts { Some(shortage) } else { short };
            }
        }
        if let Some(shortage) = short {
            return Err(shortage);
        }
        let mut marks = Vec::with_capacity(demand.dimensions.len());
        for (at, dimension) in demand.dimensions.iter().enumerate() {
            let frame = dimension.frame(now_ms, &demand.months);
            let entry = locked.entry(at, demand.app, &dimension.name);
            entry.take(dimension, frame);
            let used = entry.counter.used(frame);
            quotas.push(dimension.quota(used, entry.counter.frees_in_ms(1, frame, now_ms), frame, now_ms));
            let gone_at_ms = frame.bucket_ms.saturating_add(frame.leaves_after_ms);
            marks.push(Mark { bucket_ms: frame.bucket_ms, gone_at_ms });
        }
        drop(locked);
        Ok(Reserved { reservation: Reservation { demand, marks, origin: Origin::Local }, quotas })
    }

    pub fn settle_now(&self, reservation: &Reservation, settlement: Settlement) {
        let now_ms = self.now_ms();
        let Reservation { demand, marks, .. } = reservation;
        let mut locked = self.lock(demand);
        for (at, (dimension, mark)) in demand.dimensions.iter().zip(marks).enumerate() {
            let frame = dimension.frame(now_ms, &demand.months);
            locked.entry(at, demand.app, &dimension.name).settle(dimension, *mark, settlement, frame);
        }
    }

    pub fn look_now(&self, demand: &Demand) -> Vec<Quota> {
        let now_ms = self.now_ms();
        let mut locked = self.lock(demand);
        let quota = |(at, dimension): (usize, &Dimension)| {
            let (frame, counter) = view(&mut locked, demand, at, now_ms);
            let used = counter.used(frame);
            dimension.quota(used, counter.frees_in_ms(1, frame, now_ms), frame, now_ms)
        };
        demand.dimensions.iter().enumerate().map(quota).collect()
    }
}

fn view<'l>(locked: &'l mut Locked<'_>, demand: &Demand, at: usize, now_ms: u64) -> (Frame, &'l mut Counter) {
    let dimension = &demand.dimensions[at];
    (dimension.frame(now_ms, &demand.months), &mut locked.entry(at, demand.app, &dimension.name).counter)
}

impl Entry {
    fn take(&mut self, dimension: &Dimension, frame: Frame) {
        match dimension.limit.counting() {
            Counting::AtOnce => {
                self.counter.count(frame.bucket_ms, dimension.asked, frame);
                self.touch(dimension, frame.bucket_ms, frame);
            }
            Counting::AtTheEnd | Counting::WhileOpen => {
                self.counter.hold(dimension.asked);
                self.open += 1;
            }
        }
    }

    fn settle(&mut self, dimension: &Dimension, mark: Mark, settlement: Settlement, frame: Frame) {
        let amount = dimension.amount(settlement);
        match dimension.limit.counting() {
            Counting::AtOnce => self.counter.take_back(mark.bucket_ms, dimension.asked.saturating_sub(amount)),
            Counting::AtTheEnd => {
                self.counter.release(dimension.asked);
                self.counter.count(mark.bucket_ms, amount, frame);
                self.open = self.open.saturating_sub(1);
            }
            Counting::WhileOpen => {
                self.counter.release(dimension.asked);
                self.open = self.open.saturating_sub(1);
                return;
            }
        }
        self.touch(dimension, mark.bucket_ms, frame);
    }

    fn touch(&mut self, dimension: &Dimension, bucket_ms: u64, frame: Frame) {
        self.gone_at_ms = self.gone_at_ms.max(bucket_ms.saturating_add(frame.leaves_after_ms));
        self.kept_over_restart = dimension.limit.window.secs() >= 3_600;
        self.changed = self.kept_over_restart;
    }
}

impl Limiter for LocalLimiter {
    async fn reserve(&self, demand: Demand) -> Result<Reserved, Refusal> {
        self.reserve_now(demand).map_err(Refusal::Short)
    }

    fn settle(&self, reservation: Reservation, settlement: Settlement) {
        self.settle_now(&reservation, settlement);
    }

    async fn look(&self, demand: &Demand) -> Option<Vec<Quota>> {
        Some(self.look_now(demand))
    }

    fn peek(&self, demand: &Demand) -> Result<(), Shortage> {
        let now_ms = self.now_ms();
        for dimension in demand.dimensions.iter().filter(|dimension| dimension.limit.measure == Measure::Requests) {
            let key = (demand.app, dimension.name.clone());
            let mut shard = self.shard(self.place(&key));
            let Some(entry) = shard.get_mut(&key) else { continue };
            let (frame, counter) = (dimension.frame(now_ms, &demand.months), &mut entry.counter);
            let used = counter.used(frame);
            if dimension.is_short(used) {
                let frees = counter.frees_in_ms(dimension.wanted(used), frame, now_ms);
                return Err(dimension.shortage(dimension.quota(used, frees, frame, now_ms)));
            }
        }
        Ok(())
    }
}
