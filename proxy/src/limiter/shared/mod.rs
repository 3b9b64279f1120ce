//! The counters that several edges share, in Redis: one script decides over all dimensions. While Redis is away, each node
//! counts its part alone, and money and tokens are refused after a while.

mod link;
mod outbox;
mod reach;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward_domain::ids::AppId;
use keyward_domain::limits::names::CounterName;
use keyward_domain::limits::quota::{Quota, Shortage};
use keyward_domain::limits::{Counting, Measure};
use keyward_domain::policy::WithoutCounters;
use moka::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tracing::debug;
use uuid::Uuid;

use self::link::{Answer, Link, LinkError, Outcome};
use self::outbox::{Message, Mode, Outbox, Part, Postman, outbox};
use self::reach::Reach;
use super::{
    Demand, Dimension, Limiter, LocalLimiter, Mark, Origin, Refusal, Reservation, Reserved, Scope, Settlement,
};

/// A node that is not heard of for so long has died, and what its calls held is free.
pub const LEASE: Duration = Duration::from_secs(60);
const RENEW_EVERY: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a refusal is remembered here, so that a flood is not worth a question.
const REMEMBERED: Duration = Duration::from_secs(1);
/// Questions under way at once: more would only wait for each other, and look like a Redis that does not answer.
const TURNS: usize = 64;
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// A busy moment is not an outage, during which each node would let through its part again.
const TRIES: usize = 2;
const REMEMBERED_COUNTERS: u64 = 100_000;

pub struct SharedSettings {
    pub url: String,
    /// Edges that share the counters; each has its part while they are out of reach.
    pub nodes: u64,
    /// For so long, tokens and money are counted without Redis.
    pub budgets_last: Duration,
    pub lease: Duration,
}

pub struct SharedLimiter {
    link: Link,
    reach: Arc<Reach>,
    outbox: Outbox,
    local: Arc<LocalLimiter>,
    nodes: u64,
    budgets_last: Duration,
    /// Under which name this process holds reservations; another one after its lease may have ended.
    node: Mutex<Arc<str>>,
    /// Calls under way, for which leases are renewed.
    open: Mutex<HashMap<(AppId, Arc<str>), u64>>,
    spent: Cache<(AppId, CounterName), Shortage>,
    turns: Semaphore,
}

impl SharedLimiter {
    pub fn new(settings: &SharedSettings, local: Arc<LocalLimiter>) -> Result<(Self, Postman), LinkError> {
        let (link, reach) = (Link::new(&settings.url, settings.lease)?, Arc::new(Reach::default()));
        let (outbox, postman) = outbox(link.clone(), reach.clone());
        let limiter = Self {
            link,
            reach,
            outbox,
            local,
            nodes: settings.nodes,
            budgets_last: settings.budgets_last,
            node: Mutex::new(node_name()),
            open: Mutex::default(),
            spent: Cache::builder().max_capacity(REMEMBERED_COUNTERS).time_to_live(REMEMBERED).build(),
            turns: Semaphore::new(TURNS),
        };
        Ok((limiter, postman))
    }

    /// Connects before the first call does.
    pub async fn meet(&self) {
        if let Err(error) = self.link.meet().await {
            debug!(%error, "no Redis at the start");
            self.reach.lost();
        }
    }

    /// Looks for a Redis that is away, renews the leases, and forgets what the local counters need no more.
    pub async fn watch(&self) {
        let mut renewed_at = Instant::now();
        for round in 0.. {
            if self.reach.away_for().is_some() && self.link.meet().await.is_ok() {
                self.reach.found();
            }
            if renewed_at.elapsed() >= RENEW_EVERY && self.renew().await {
                // Others may have taken the lease for ended: what was held under it must not be mixed with what comes.
                if renewed_at.elapsed() > LEASE * 3 / 4 {
                    *self.node.lock().unwrap_or_else(PoisonError::into_inner) = node_name();
                }
                renewed_at = Instant::now();
            }
            self.local.sweep(round);
            sleep(LOOK_EVERY).await;
        }
    }

    async fn renew(&self) -> bool {
        let open: Vec<_> = self.open.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for (app, node) in open {
            if let Err(error) = self.link.renew(app, &node).await {
                debug!(%error, "a lease could not be renewed");
                return false;
            }
        }
        true
    }

    async fn take(&self, demand: &Demand) -> Result<Result<Reserved, Shortage>, LinkError> {
        let (call, node) = (Uuid::now_v7(), self.node());
        let mut pending = Pending { limiter: self, cancels: demand.holds().then(|| cancel(demand, call, &node)) };
        let answer = self.link.reserve(demand, Some(call), &node).await?;
        pending.cancels = None;
        if answer.outcome == Outcome::Refused {
            return Ok(Err(self.shortage(demand, &answer)));
        }
        if demand.holds() {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            *open.entry((demand.scope.app, node.clone())).or_default() += 1;
        }
        let mark = |dimension: &Dimension| Mark::of(dimension.frame(answer.now_ms, &demand.scope.months), 0);
        let marks = demand.dimensions.iter().map(mark).collect();
        let quotas = quotas(demand, &answer).filter(Quota::is_callers_own).collect();
        let reservation = Reservation { demand: demand.clone(), marks, origin: Origin::Shared { call, node } };
        Ok(Ok(Reserved { reservation, quotas }))
    }

    fn shortage(&self, demand: &Demand, answer: &Answer) -> Shortage {
        let quotas = quotas(demand, answer);
        let short = demand.dimensions.iter().zip(quotas).filter(|(dimension, quota)| dimension.is_short(quota.used));
        let shortages = short.map(|(dimension, quota)| (dimension, dimension.shortage(quota)));
        let longest = shortages.max_by_key(|(_, shortage)| shortage.quota.reset_secs);
        let (dimension, shortage) = longest.expect("the script refuses by the same comparison");
        if is_remembered(dimension) && shortage.quota.reset_secs > REMEMBERED.as_secs() {
            self.spent.insert((demand.scope.app, demand.scope.name(dimension)), shortage.clone());
        }
        shortage
    }

    /// In this process alone.
    fn without(&self, demand: &Demand, away_for: Duration) -> Result<Reserved, Refusal> {
        let is_too_long = away_for > self.budgets_last && demand.scope.without_counters == WithoutCounters::Refuse;
        if is_too_long && demand.has_budget() {
            return Err(Refusal::Unavailable);
        }
        self.local.reserve_now(demand.share(self.nodes)).map_err(Refusal::Short)
    }

    fn node(&self) -> Arc<str> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn closed(&self, app: AppId, node: &Arc<str>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (app, node.clone());
        let left = open.get(&key).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            open.remove(&key);
        } else {
            open.insert(key, left);
        }
    }

    fn tell(&self, reservation: &Reservation, settlement: Settlement, mode: Mode, (call, node): (Uuid, Arc<str>)) {
        let Reservation { demand, marks, .. } = reservation;
        let part = |(dimension, mark): (&Dimension, &Mark)| Part {
            dimension: dimension.clone(),
            bucket_ms: mark.bucket_ms,
            gone_at_ms: mark.gone_at_ms,
            remains: dimension.amount(settlement),
        };
        let parts = demand.dimensions.iter().zip(marks).map(part).collect();
        self.outbox.send(Message { scope: demand.scope, call, node, mode, parts });
    }
}

impl Limiter for SharedLimiter {
    async fn reserve(&self, demand: Demand) -> Result<Reserved, Refusal> {
        if demand.dimensions.is_empty() {
            return self.local.reserve_now(demand).map_err(Refusal::Short);
        }
        // Of a flood, those behind the first learn what became of them without asking.
        let _turn = timeout(LONGEST_WAIT, self.turns.acquire()).await;
        self.peek(&demand.scope, demand.dimensions.iter()).map_err(Refusal::Short)?;
        for _ in 0..TRIES {
            if self.reach.away_for().is_some() {
                break;
            }
            match self.take(&demand).await {
                Ok(taken) => return taken.map_err(Refusal::Short),
                Err(error) => debug!(%error, "no decision from Redis"),
            }
        }
        self.reach.lost();
        self.without(&demand, self.reach.away_for().unwrap_or_default())
    }

    fn settle(&self, reservation: Reservation, settlement: Settlement) {
        match &reservation.origin {
            Origin::Local => {
                self.local.settle_now(&reservation, settlement);
                if !reservation.demand.dimensions.is_empty() && settlement != Settlement::Refund {
                    self.tell(&reservation, settlement, Mode::Late, (Uuid::now_v7(), self.node()));
                }
            }
            Origin::Shared { call, node } => {
                let holds = reservation.demand.holds();
                if holds {
                    self.closed(reservation.demand.scope.app, node);
                }
                // The count of a request stands as soon as it is let through.
                if holds || settlement == Settlement::Refund {
                    self.tell(&reservation, settlement, Mode::Settle, (*call, node.clone()));
                }
            }
        }
    }

    async fn look(&self, demand: &Demand) -> Option<Vec<Quota>> {
        if self.reach.away_for().is_some() {
            return None;
        }
        let looked = self.link.reserve(demand, None, &self.node()).await;
        looked.inspect_err(|_| self.reach.lost()).ok().map(|answer| quotas(demand, &answer).collect())
    }

    fn peek<'d>(&self, scope: &Scope, dimensions: impl Iterator<Item = &'d Dimension> + Clone) -> Result<(), Shortage> {
        if self.reach.away_for().is_some() {
            let demand = Demand { scope: *scope, dimensions: dimensions.cloned().collect() }.share(self.nodes);
            return self.local.peek(scope, demand.dimensions.iter());
        }
        let spent = |dimension: &Dimension| self.spent.get(&(scope.app, scope.name(dimension)));
        // A limit that was raised meanwhile is not the one that refused.
        let refuses =
            |dimension: &Dimension| spent(dimension).filter(|shortage| shortage.quota.limit == dimension.limit);
        dimensions.filter(|dimension| is_remembered(dimension)).find_map(refuses).map_or(Ok(()), Err)
    }
}

/// Only of requests a refusal says how long it lasts.
fn is_remembered(dimension: &Dimension) -> bool {
    dimension.limit.measure == Measure::Requests && dimension.limit.counting() == Counting::AtOnce
}

/// A reservation on its way. When nobody waits for it any more, or nobody heard what became of it, it is cancelled.
struct Pending<'a> {
    limiter: &'a SharedLimiter,
    cancels: Option<Message>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(message) = self.cancels.take() {
            self.limiter.outbox.send(message);
        }
    }
}

fn cancel(demand: &Demand, call: Uuid, node: &Arc<str>) -> Message {
    let part = |dimension: &Dimension| Part { dimension: dimension.clone(), bucket_ms: 0, gone_at_ms: 0, remains: 0 };
    let parts = demand.dimensions.iter().map(part).collect();
    Message { scope: demand.scope, call, node: node.clone(), mode: Mode::Cancel, parts }
}

fn quotas(demand: &Demand, answer: &Answer) -> impl Iterator<Item = Quota> {
    let quota = |(dimension, &(used, frees)): (&Dimension, &(u64, Option<u64>))| {
        dimension.quota(used, frees, dimension.frame(answer.now_ms, &demand.scope.months), answer.now_ms)
    };
    demand.dimensions.iter().zip(&answer.readings).map(quota)
}

fn node_name() -> Arc<str> {
    Uuid::now_v7().simple().to_string().into()
}
