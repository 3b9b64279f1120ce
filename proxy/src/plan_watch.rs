//! Keeps what is known of single users' plans current: hears of changes, and asks from time to time in case a notice was lost.
//! While Postgres is away, the last that was known stays; a start without it begins with what was kept on disk.

use std::sync::Arc;
use std::time::Duration;

use keyward_store::listen::ChangeListener;
use keyward_store::{Store, StoreError};
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use crate::config_watch::Ground;
use crate::edge::Edge;
use crate::kept_plans::KeptPlans;
use crate::user_plans::UserPlans;

const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);
const ROWS: u32 = 5_000;

#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the database did not answer within 5 s")]
    Timeout,
}

async fn within<T>(query: impl Future<Output = Result<T, StoreError>>) -> Result<T, FeedError> {
    Ok(timeout(QUERY_TIMEOUT, query).await.map_err(|_| FeedError::Timeout)??)
}

/// For a start: all there is, before the first call. What was kept where the database is away.
pub async fn first(store: &Store, kept: Option<&KeptPlans>, ground: &Ground) -> (UserPlans, i64) {
    let plans = UserPlans::default();
    match ground {
        Ground::Kept { .. } => {}
        Ground::Database => match read_on(store, &plans, 0).await {
            Ok(revision) => return (plans, revision),
            Err(error) => warn!(%error, "users' plans can't be read; what was kept on disk holds"),
        },
    }
    (kept.and_then(KeptPlans::read).unwrap_or_default(), 0)
}

/// Reads on from `revision`, to the end; gives where that is.
pub async fn read_on(store: &Store, plans: &UserPlans, mut revision: i64) -> Result<i64, FeedError> {
    let end = within(store.plan_feed_end()).await?;
    if end < revision {
        // A database that was restored numbers anew.
        revision = 0;
    }
    while revision < end {
        let rows = within(store.plan_feed(revision, ROWS)).await?;
        // The last ones may have gone with their app.
        let last = rows.last().map_or(end, |row| row.revision);
        let read = |row: keyward_store::plan_feed::PlanFeedRow| {
            row.read().inspect_err(|error| error!(%error, "what a user bought can't be read and does not count")).ok()
        };
        plans.learn(rows.into_iter().filter_map(read).collect());
        revision = last;
    }
    Ok(revision)
}

pub struct PlanWatch {
    edge: Arc<Edge>,
    store: Store,
    kept: Option<KeptPlans>,
    revision: i64,
    listener: Option<ChangeListener>,
}

impl PlanWatch {
    /// `revision` is how far `edge.plans` has been read; of a database that was not there, 0.
    pub fn new(edge: Arc<Edge>, store: Store, kept: Option<KeptPlans>, revision: i64) -> Self {
        Self { edge, store, kept, revision, listener: None }
    }

    /// Never ends.
    pub async fn run(mut self) {
        loop {
            if self.listener.is_none() {
                self.listener = within(self.store.listen_plans()).await.ok();
            }
            // Again after listening began: what changed before that came with no notice.
            match read_on(&self.store, &self.edge.plans, self.revision).await {
                Ok(revision) => {
                    self.revision = revision;
                    self.edge.metrics.plans_revision.set(revision);
                    if let Some(kept) = self.kept.as_ref().filter(|kept| kept.wants(revision)) {
                        kept.keep(self.store.clone());
                    }
                }
                Err(error) => warn!(%error, "changes of users' plans can't be read; the last that is known holds"),
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let poll = self.edge.bounds.config_poll;
        let Some(listener) = &mut self.listener else { return sleep(poll).await };
        match timeout(poll, listener.changed()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(_)) => {
                self.listener = None;
                sleep(PAUSE).await;
            }
        }
    }
}
