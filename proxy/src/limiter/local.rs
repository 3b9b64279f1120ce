//! The counters of this process. Those of one decision lie on a few sheets, whose shards are locked together: under the
//! locks the decision is one.

mod sheets;

use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use keyward_domain::clock::Clock;
use keyward_domain::ids::AppId;
use keyward_domain::limits::counter::Counter;
use keyward_domain::limits::names::CounterName;
use keyward_domain::limits::quota::{Quota, Shortage};
use keyward_domain::limits::{Counting, Measure, Per};

use self::sheets::{Locked, Shard, SheetOf};
use super::{Demand, Dimension, Limiter, Mark, Origin, Refusal, Reservation, Reserved, Scope, Settlement};

const SHARDS: usize = 64;

pub struct LocalLimiter {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    clock: Clock,
}

/// A counter that a later process should know.
pub struct Kept {
    pub app: AppId,
    pub name: CounterName,
    pub counter: Counter,
    pub gone_at_ms: u64,
}

impl Kept {
    fn sheet(&self) -> SheetOf {
        (self.app, self.name.whose)
    }
}

impl LocalLimiter {
    pub fn new(clock: Clock) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), hasher: RandomState::default(), clock }
    }

    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Forgets the counters of one shard that could refuse nothing any more.
    pub fn sweep(&self, shard: usize) {
        let now_ms = self.now_ms();
        self.shard(shard % SHARDS).sweep(now_ms);
    }

    pub fn take_changed(&self) -> Vec<Kept> {
        let mut changed = Vec::new();
        for shard in 0..SHARDS {
            let mut shard = self.shard(shard);
            for of in std::mem::take(&mut shard.due) {
                let Some(sheet) = shard.sheets.get_mut(&of) else { continue };
                (sheet.is_changed, sheet.is_due) = (false, false);
                for entry in sheet.entries.iter_mut().filter(|entry| entry.changed) {
                    entry.changed = false;
                    let (app, whose) = of;
                    let name = CounterName { whose, kind: entry.kind.clone() };
                    let counter = entry.counter.clone();
                    changed.push(Kept { app, name, counter, gone_at_ms: entry.gone_at_ms });
                }
            }
        }
        changed
    }

    /// They could not be written down; they are due again.
    pub fn give_back(&self, unwritten: &[Kept]) {
        for kept in unwritten {
            let of = kept.sheet();
            let mut shard = self.shard(self.place(&of));
            let Some(mut sheet) = shard.sheets.get_mut(&of).map(std::mem::take) else { continue };
            if let Ok(seat) = sheet.find(kept.name.kind.order()) {
                sheet.entries[seat].changed = true;
                sheet.is_changed = true;
            }
            shard.put_back(of, sheet);
        }
    }

    pub fn absorb(&self, earlier: Vec<Kept>) {
        for kept in earlier {
            let of = kept.sheet();
            let mut shard = self.shard(self.place(&of));
            let sheet = shard.sheets.entry(of).or_default();
            let seat = sheet.find(kept.name.kind.order()).unwrap_or_else(|seat| sheet.open(seat, kept.name.kind));
            let entry = &mut sheet.entries[seat];
            entry.counter.absorb(&kept.counter);
            entry.gone_at_ms = entry.gone_at_ms.max(kept.gone_at_ms);
        }
    }

    fn place(&self, of: &SheetOf) -> usize {
        self.hasher.hash_one(of) as usize % SHARDS
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, Shard> {
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock<'a>(&'a self, scope: &'a Scope, pers: impl Iterator<Item = Per>) -> Locked<'a> {
        Locked::new(scope, pers, (|of: &SheetOf| self.place(of), |at| self.shard(at)))
    }

    pub fn reserve_now(&self, demand: Demand) -> Result<Reserved, Shortage> {
        let now_ms = self.now_ms();
        let Demand { scope, dimensions } = &demand;
        let mut locked = self.lock(scope, dimensions.iter().map(|dimension| dimension.limit.per));
        let mut marks = Vec::with_capacity(dimensions.len());
        let mut short: Option<Shortage> = None;
        for dimension in dimensions {
            let frame = dimension.frame(now_ms, &scope.months);
            let sheet = locked.sheet(dimension);
            let seat = sheet.seat(dimension);
            let counter = &mut sheet.entries[seat].counter;
            let used = counter.used(frame);
            if dimension.is_short(used) {
                let frees = counter.frees_in_ms(dimension.wanted(used), frame, now_ms);
                let shortage = dimension.shortage(dimension.quota(used, frees, frame, now_ms));
                // Of several, the one that lasts longest: before, no try succeeds.
                let lasts = short.as_ref().is_none_or(|other| other.quota.reset_secs < shortage.quota.reset_secs);
                short = if lasts { Some(shortage) } else { short };
            }
            marks.push(Mark::of(frame, seat));
        }
        if let Some(shortage) = short {
            return Err(shortage);
        }
        let mut quotas = Vec::with_capacity(dimensions.len());
        for (dimension, mark) in dimensions.iter().zip(&marks) {
            let frame = dimension.frame(now_ms, &scope.months);
            let entry = locked.sheet(dimension).change(dimension, mark.seat, |entry| entry.take(dimension, frame));
            if dimension.limit.per.is_callers_own() {
                let used = entry.counter.used(frame);
                quotas.push(dimension.quota(used, entry.counter.frees_in_ms(1, frame, now_ms), frame, now_ms));
            }
        }
        drop(locked);
        Ok(Reserved { reservation: Reservation { demand, marks, origin: Origin::Local }, quotas })
    }

    pub fn settle_now(&self, reservation: &Reservation, settlement: Settlement) {
        let now_ms = self.now_ms();
        let Reservation { demand: Demand { scope, dimensions }, marks, .. } = reservation;
        // A request that counts was counted when it was let through.
        let is_left = |dimension: &Dimension| {
            dimension.limit.counting() != Counting::AtOnce || dimension.amount(settlement) < dimension.asked
        };
        let left = dimensions.iter().zip(marks).filter(|(dimension, _)| is_left(dimension));
        let mut locked = self.lock(scope, left.clone().map(|(dimension, _)| dimension.limit.per));
        for (dimension, mark) in left {
            let frame = dimension.frame(now_ms, &scope.months);
            locked
                .sheet(dimension)
                .change(dimension, mark.seat, |entry| entry.settle(dimension, *mark, settlement, frame));
        }
    }

    pub fn look_now(&self, demand: &Demand) -> Vec<Quota> {
        let now_ms = self.now_ms();
        let Demand { scope, dimensions } = demand;
        let mut locked = self.lock(scope, dimensions.iter().map(|dimension| dimension.limit.per));
        let quota = |dimension: &Dimension| {
            let frame = dimension.frame(now_ms, &scope.months);
            let (used, frees_in_ms) = match locked.sheet(dimension).known(dimension) {
                Some(entry) => (entry.counter.used(frame), entry.counter.frees_in_ms(1, frame, now_ms)),
                None => (0, None),
            };
            dimension.quota(used, frees_in_ms, frame, now_ms)
        };
        dimensions.iter().map(quota).collect()
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

    fn peek<'d>(&self, scope: &Scope, dimensions: impl Iterator<Item = &'d Dimension> + Clone) -> Result<(), Shortage> {
        let now_ms = self.now_ms();
        let counts = dimensions.filter(|dimension| dimension.limit.measure == Measure::Requests);
        let mut locked = self.lock(scope, counts.clone().map(|dimension| dimension.limit.per));
        for dimension in counts {
            let Some(entry) = locked.sheet(dimension).known(dimension) else { continue };
            let (frame, counter) = (dimension.frame(now_ms, &scope.months), &mut entry.counter);
            let used = counter.used(frame);
            if dimension.is_short(used) {
                let frees = counter.frees_in_ms(dimension.wanted(used), frame, now_ms);
                return Err(dimension.shortage(dimension.quota(used, frees, frame, now_ms)));
            }
        }
        Ok(())
    }
}
