//! Limits and budgets: what a call needs of them is reserved at once or not at all, and settled when it has ended. The
//! counting itself is `keyward_domain::limits::counter`. Knows nothing of requests and replies.

mod demand;
pub mod keeping;
mod local;
mod shared;
mod slot;
#[cfg(test)]
mod suite;

use std::sync::Arc;

use keyward_domain::limits::quota::{Quota, Shortage};
use keyward_domain::rejection::Rejection;
use uuid::Uuid;

pub use demand::{Demand, Dimension, Mark, Scope, Settlement, Used};
pub use local::LocalLimiter;
pub use shared::{LEASE, SharedLimiter, SharedSettings};
pub use slot::{Slot, Ticket};

/// What was reserved for one call, until it is settled.
pub struct Reservation {
    pub demand: Demand,
    /// Where each dimension counts it.
    pub marks: Vec<Mark>,
    pub origin: Origin,
}

/// Who counted it.
pub enum Origin {
    Local,
    /// Under this id and this node's name.
    Shared {
        call: Uuid,
        node: Arc<str>,
    },
}

/// Reserved, and what is left now of each limit that the client is told of.
pub struct Reserved {
    pub reservation: Reservation,
    pub quotas: Vec<Quota>,
}

#[derive(Debug)]
pub enum Refusal {
    Short(Shortage),
    /// The counters that all nodes share have been out of reach for too long.
    Unavailable,
}

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Short(shortage) => Self::LimitReached(shortage),
            Refusal::Unavailable => Self::LimitsUnavailable,
        }
    }
}

/// One decision over all dimensions: either all are reserved or none.
pub trait Limiter: Send + Sync {
    fn reserve(&self, demand: Demand) -> impl Future<Output = Result<Reserved, Refusal>> + Send;

    /// Never waits: where the counters are elsewhere, they are told soon.
    fn settle(&self, reservation: Reservation, settlement: Settlement);

    /// What is used and left, with nothing taken; `None` when it can't be known now.
    fn look(&self, demand: &Demand) -> impl Future<Output = Option<Vec<Quota>>> + Send;

    /// A cheap look at the counts of requests, before a body is read for nothing. It may let through what `reserve` won't.
    fn peek<'d>(&self, scope: &Scope, dimensions: impl Iterator<Item = &'d Dimension> + Clone) -> Result<(), Shortage>;
}

/// Where this installation counts.
pub enum Limits {
    /// There is this node only.
    Local(Arc<LocalLimiter>),
    /// Several nodes count together.
    Shared(Arc<SharedLimiter>),
}

impl Limiter for Limits {
    async fn reserve(&self, demand: Demand) -> Result<Reserved, Refusal> {
        match self {
            Self::Local(local) => local.reserve(demand).await,
            Self::Shared(shared) => shared.reserve(demand).await,
        }
    }

    fn settle(&self, reservation: Reservation, settlement: Settlement) {
        match self {
            Self::Local(local) => local.settle(reservation, settlement),
            Self::Shared(shared) => shared.settle(reservation, settlement),
        }
    }

    async fn look(&self, demand: &Demand) -> Option<Vec<Quota>> {
        match self {
            Self::Local(local) => local.look(demand).await,
            Self::Shared(shared) => shared.look(demand).await,
        }
    }

    fn peek<'d>(&self, scope: &Scope, dimensions: impl Iterator<Item = &'d Dimension> + Clone) -> Result<(), Shortage> {
        match self {
            Self::Local(local) => local.peek(scope, dimensions),
            Self::Shared(shared) => shared.peek(scope, dimensions),
        }
    }
}
