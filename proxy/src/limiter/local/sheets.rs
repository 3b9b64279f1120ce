//! The counters of this process as they lie in memory: on one sheet those of an app user, those of an address, or those
//! that all of an app share. Knows nothing of decisions.

use std::collections::HashMap;
use std::sync::MutexGuard;

use foldhash::fast::RandomState;
use keyward_domain::ids::AppId;
use keyward_domain::limits::counter::{Counter, Frame};
use keyward_domain::limits::names::{CounterKind, KindOrder, Tag};
use keyward_domain::limits::{Counting, Per};

use crate::limiter::{Dimension, Mark, Scope, Settlement};

/// What is counted over such a window or a longer one survives a restart.
const KEPT_FROM_SECS: u64 = 3_600;

pub type SheetOf = (AppId, Option<Tag>);

#[derive(Default)]
pub struct Shard {
    pub sheets: HashMap<SheetOf, Sheet, RandomState>,
    /// Whose sheets are due to be written down.
    pub due: Vec<SheetOf>,
}

#[derive(Default)]
pub struct Sheet {
    /// In the order of their kinds.
    pub entries: Vec<Entry>,
    /// Something on it is to be written down.
    pub is_changed: bool,
    /// Its shard knows.
    pub is_due: bool,
}

pub struct Entry {
    pub kind: CounterKind,
    pub counter: Counter,
    /// When the last of it has left its window.
    pub gone_at_ms: u64,
    /// Calls that hold something of it.
    pub open: u32,
    pub changed: bool,
}

impl Shard {
    pub fn put_back(&mut self, of: SheetOf, mut sheet: Sheet) {
        if sheet.is_changed && !sheet.is_due {
            sheet.is_due = true;
            self.due.push(of);
        }
        match self.sheets.get_mut(&of) {
            Some(place) => *place = sheet,
            None if sheet.entries.is_empty() => {}
            None => drop(self.sheets.insert(of, sheet)),
        }
    }

    /// Forgets what could refuse nothing any more.
    pub fn sweep(&mut self, now_ms: u64) {
        self.sheets.retain(|_, sheet| {
            sheet.entries.retain(|entry| entry.open > 0 || entry.changed || entry.gone_at_ms > now_ms);
            !sheet.entries.is_empty()
        });
    }
}

impl Sheet {
    pub fn find(&self, order: KindOrder<'_>) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| entry.kind.order().cmp(&order))
    }

    pub fn known(&mut self, dimension: &Dimension) -> Option<&mut Entry> {
        let seat = self.find(dimension.order()).ok()?;
        Some(&mut self.entries[seat])
    }

    /// Where its counter is from now on, until others come before it.
    pub fn seat(&mut self, dimension: &Dimension) -> usize {
        self.find(dimension.order()).unwrap_or_else(|seat| self.open(seat, dimension.kind()))
    }

    pub fn open(&mut self, seat: usize, kind: CounterKind) -> usize {
        let entry = Entry { kind, counter: Counter::default(), gone_at_ms: 0, open: 0, changed: false };
        self.entries.insert(seat, entry);
        seat
    }

    /// `seat`: where its counter was.
    pub fn change(&mut self, dimension: &Dimension, seat: usize, change: impl FnOnce(&mut Entry)) -> &mut Entry {
        let is_there = self.entries.get(seat).is_some_and(|entry| entry.kind.order() == dimension.order());
        let seat = if is_there { seat } else { self.seat(dimension) };
        let entry = &mut self.entries[seat];
        change(entry);
        self.is_changed |= entry.changed;
        entry
    }
}

impl Entry {
    pub fn take(&mut self, dimension: &Dimension, frame: Frame) {
        match dimension.limit.counting() {
            Counting::AtOnce => {
                self.counter.count(frame.bucket_ms, dimension.asked, frame);
                self.touch(frame.bucket_ms, frame);
            }
            Counting::AtTheEnd | Counting::WhileOpen => {
                self.counter.hold(dimension.asked);
                self.open = self.open.saturating_add(1);
            }
        }
    }

    pub fn settle(&mut self, dimension: &Dimension, mark: Mark, settlement: Settlement, frame: Frame) {
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
        self.touch(mark.bucket_ms, frame);
    }

    fn touch(&mut self, bucket_ms: u64, frame: Frame) {
        self.gone_at_ms = self.gone_at_ms.max(bucket_ms.saturating_add(frame.leaves_after_ms));
        self.changed = self.kind.window.secs() >= KEPT_FROM_SECS;
    }
}

/// All that one decision touches: the caller's sheet, the address's, and that of all. They are out of their shards, to
/// which nobody else has access meanwhile.
pub struct Locked<'a> {
    scope: &'a Scope,
    /// By their numbers.
    shards: [Option<(usize, MutexGuard<'a, Shard>)>; PARTS],
    out: [Option<Out>; PARTS],
}

const PARTS: usize = 3;

struct Out {
    of: SheetOf,
    /// Among those that are locked.
    shard: usize,
    sheet: Sheet,
}

impl<'a> Locked<'a> {
    /// Locks the shards in the order of their numbers, so that no two decisions wait for each other.
    pub fn new(
        scope: &'a Scope,
        pers: impl Iterator<Item = Per>,
        (place, lock): (impl Fn(&SheetOf) -> usize, impl Fn(usize) -> MutexGuard<'a, Shard>),
    ) -> Self {
        let mut wanted: [Option<(usize, SheetOf)>; PARTS] = [None; PARTS];
        for per in pers {
            wanted[part(scope, per)].get_or_insert_with(|| {
                let of = (scope.app, scope.whose(per));
                (place(&of), of)
            });
        }
        let mut locked = Self { scope, shards: [const { None }; PARTS], out: [const { None }; PARTS] };
        let mut last = None;
        for slot in &mut locked.shards {
            let numbers = wanted.iter().flatten().map(|(number, _)| *number);
            last = numbers.filter(|number| last.is_none_or(|last| *number > last)).min();
            let Some(number) = last else { break };
            *slot = Some((number, lock(number)));
        }
        for (out, (number, of)) in locked.out.iter_mut().zip(wanted).filter_map(|(out, wanted)| Some((out, wanted?))) {
            let mut held = locked.shards.iter_mut().flatten().enumerate();
            let Some((shard, (_, guard))) = held.find(|(_, (held, _))| *held == number) else { continue };
            let sheet = guard.sheets.get_mut(&of).map(std::mem::take).unwrap_or_default();
            *out = Some(Out { of, shard, sheet });
        }
        locked
    }

    pub fn sheet(&mut self, dimension: &Dimension) -> &mut Sheet {
        let out = &mut self.out[part(self.scope, dimension.limit.per)];
        &mut out.as_mut().expect("the sheets of all its dimensions are out").sheet
    }
}

/// Two that are counted for the same have the same sheet.
fn part(scope: &Scope, per: Per) -> usize {
    match scope.whose(per) {
        None => 0,
        whose if whose == scope.caller => 1,
        Some(_) => 2,
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        for Out { of, shard, sheet } in self.out.iter_mut().filter_map(Option::take) {
            if let Some((_, shard)) = &mut self.shards[shard] {
                shard.put_back(of, sheet);
            }
        }
    }
}
