//! What one call needs of each limit that holds for it, and what it turned out to have used.

use std::sync::Arc;

use keyward_domain::calendar::Months;
use keyward_domain::ids::AppId;
use keyward_domain::limits::counter::Frame;
use keyward_domain::limits::names::{CounterKind, CounterName, KindOrder, Tag};
use keyward_domain::limits::quota::{Place, Quota, Shortage};
use keyward_domain::limits::{Counting, Limit, Measure, Per, Window};
use keyward_domain::policy::WithoutCounters;
use uuid::Uuid;

#[derive(Clone)]
pub struct Demand {
    pub scope: Scope,
    pub dimensions: Vec<Dimension>,
}

/// For whom a call counts, and how.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    pub app: AppId,
    /// Of the app user, where a limit counts each.
    pub caller: Option<Tag>,
    /// Of the address, where a limit counts each.
    pub address: Option<Tag>,
    pub months: Months,
    pub without_counters: WithoutCounters,
}

/// One limit, and what this call may use of it at most.
#[derive(Clone)]
pub struct Dimension {
    pub limit: Limit,
    pub place: Place,
    pub stands_at: Uuid,
    /// The plan's name, of a plan's limit.
    pub plan: Option<Arc<str>>,
    pub asked: u64,
}

/// The bucket in which a dimension counts a call, and until when.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub bucket_ms: u64,
    pub gone_at_ms: u64,
    /// Where its counter was, among the caller's, the address's or the app's: it may have moved.
    pub seat: usize,
}

impl Mark {
    pub fn of(frame: Frame, seat: usize) -> Self {
        Self { bucket_ms: frame.bucket_ms, gone_at_ms: frame.bucket_ms.saturating_add(frame.leaves_after_ms), seat }
    }
}

/// What remains of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Nothing, as if there had been no call.
    Refund,
    /// The call counts, with what it used.
    Used(Used),
    /// All of it, or more where that is known to be used: nobody said how much it was.
    AtLeast(Used),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// `None` where nobody knows a price: what was reserved stays.
    pub cost_micro_usd: Option<u64>,
}

impl Used {
    pub const NOTHING: Self = Self { input_tokens: 0, output_tokens: 0, cost_micro_usd: Some(0) };
}

impl Scope {
    pub fn whose(&self, per: Per) -> Option<Tag> {
        match per {
            Per::User => self.caller,
            Per::AnonymousAddress => self.address,
            Per::Everyone => None,
        }
    }

    pub fn name(&self, dimension: &Dimension) -> CounterName {
        CounterName { whose: self.whose(dimension.limit.per), kind: dimension.kind() }
    }
}

impl Demand {
    /// What another call needs beside it.
    pub fn add(&mut self, other: Self) {
        for more in other.dimensions {
            let is_same = |known: &&mut Dimension| known.order() == more.order() && known.limit == more.limit;
            match self.dimensions.iter_mut().find(is_same) {
                Some(known) => known.asked = known.asked.saturating_add(more.asked),
                None => self.dimensions.push(more),
            }
        }
    }

    /// Each node's part of every limit, for while the nodes do not know of each other.
    pub fn share(&self, nodes: u64) -> Self {
        let mut demand = self.clone();
        for dimension in &mut demand.dimensions {
            dimension.limit.amount = (dimension.limit.amount / nodes.max(1)).max(dimension.limit.amount.min(1));
        }
        demand
    }

    /// Whether something of it is held until the call has ended.
    pub fn holds(&self) -> bool {
        self.dimensions.iter().any(|dimension| dimension.limit.counting() != Counting::AtOnce)
    }

    /// Whether tokens or money are limited.
    pub fn has_budget(&self) -> bool {
        self.dimensions.iter().any(|dimension| dimension.limit.measure != Measure::Requests && dimension.asked > 0)
    }
}

impl Dimension {
    /// Of counts of requests asks one, of all else nothing yet.
    pub fn of(limit: &Limit, (place, stands_at): (Place, Uuid), plan: Option<Arc<str>>) -> Self {
        let asked = u64::from(limit.measure == Measure::Requests);
        Self { limit: limit.clone(), place, stands_at, plan, asked }
    }

    pub fn kind(&self) -> CounterKind {
        let (Limit { measure, window, model, .. }, Self { place, stands_at, .. }) = (&self.limit, self);
        let model = model.clone().filter(|model| !model.is_empty());
        CounterKind { place: *place, stands_at: *stands_at, measure: *measure, window: *window, model }
    }

    /// As its kind's, without a copy.
    pub fn order(&self) -> KindOrder<'_> {
        let Limit { measure, window, model, .. } = &self.limit;
        (self.stands_at.as_u128(), self.place, *measure, *window, model.as_deref().filter(|model| !model.is_empty()))
    }

    pub fn frame(&self, now_ms: u64, months: &Months) -> Frame {
        Frame::of(&self.limit, now_ms, months)
    }

    /// What is counted in the end.
    pub fn amount(&self, settlement: Settlement) -> u64 {
        match (settlement, self.limit.counting()) {
            (Settlement::Refund, _) | (_, Counting::WhileOpen) => 0,
            (Settlement::Used(_) | Settlement::AtLeast(_), Counting::AtOnce) => self.asked,
            (Settlement::Used(used), Counting::AtTheEnd) => self.used_of(used),
            (Settlement::AtLeast(used), Counting::AtTheEnd) => self.used_of(used).max(self.asked),
        }
    }

    /// A call that was reserved nothing of it, for it does not cost anything, uses nothing.
    fn used_of(&self, used: Used) -> u64 {
        match self.limit.measure {
            Measure::Requests => self.asked,
            Measure::InputTokens => used.input_tokens,
            Measure::OutputTokens => used.output_tokens,
            Measure::TotalTokens => used.input_tokens.saturating_add(used.output_tokens),
            Measure::CostMicroUsd if self.asked == 0 => 0,
            Measure::CostMicroUsd => used.cost_micro_usd.unwrap_or(self.asked),
        }
    }

    pub fn quota(&self, used: u64, frees_in_ms: Option<u64>, frame: Frame, now_ms: u64) -> Quota {
        // With nothing counted, the whole window is still to come; of a month, what is left of it.
        let whole_ms = match self.limit.window {
            Window::AtOnce => 1_000,
            Window::Month => (frame.bucket_ms + frame.leaves_after_ms).saturating_sub(now_ms),
            Window::Second | Window::Minute | Window::Hour | Window::Day => self.limit.window.secs() * 1_000,
        };
        let reset_secs = frees_in_ms.unwrap_or(whole_ms).div_ceil(1_000).max(1);
        Quota { limit: self.limit.clone(), place: self.place, plan: self.plan.clone(), used, reset_secs }
    }

    pub fn shortage(&self, quota: Quota) -> Shortage {
        Shortage { quota, asked: self.asked }
    }

    /// Whether so much is used that this call does not fit.
    pub fn is_short(&self, used: u64) -> bool {
        self.asked > 0 && used.saturating_add(self.asked) > self.limit.amount
    }

    /// How much must be free before it fits.
    pub fn wanted(&self, used: u64) -> u64 {
        used.saturating_add(self.asked).saturating_sub(self.limit.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved(measure: Measure, asked: u64) -> Dimension {
        let limit = Limit { measure, window: Window::Day, per: Per::User, model: None, amount: 1_000 };
        Dimension { limit, place: Place::App, stands_at: Uuid::nil(), plan: None, asked }
    }

    #[test]
    fn what_nobody_reported_keeps_the_reservation_or_more() {
        let (tokens, cost) = (reserved(Measure::TotalTokens, 50), reserved(Measure::CostMicroUsd, 300));
        let few = Used { input_tokens: 3, output_tokens: 4, cost_micro_usd: Some(11) };
        let many = Used { input_tokens: 60, output_tokens: 4, cost_micro_usd: Some(400) };
        assert_eq!((tokens.amount(Settlement::AtLeast(few)), cost.amount(Settlement::AtLeast(few))), (50, 300));
        assert_eq!((tokens.amount(Settlement::AtLeast(many)), cost.amount(Settlement::AtLeast(many))), (64, 400));
        assert_eq!((tokens.amount(Settlement::Used(few)), cost.amount(Settlement::Used(few))), (7, 11));
    }

    #[test]
    fn a_price_that_nobody_knows_keeps_what_was_reserved_of_money_only() {
        let unpriced = Settlement::Used(Used { input_tokens: 3, output_tokens: 4, cost_micro_usd: None });
        assert_eq!(reserved(Measure::CostMicroUsd, 300).amount(unpriced), 300);
        assert_eq!(reserved(Measure::TotalTokens, 50).amount(unpriced), 7);
        assert_eq!(reserved(Measure::CostMicroUsd, 0).amount(unpriced), 0, "a call that costs nothing");
    }
}
