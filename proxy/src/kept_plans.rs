//! What was last known of single users' plans, kept for a start without Postgres: whoever has paid has not to wait for it.

use std::time::Duration;

use keyward_store::Store;
use keyward_store::plan_feed::PlanFeedRow;
use tokio::time::timeout;

use crate::kept_file::{KeepError, KeptFile};
use crate::user_plans::UserPlans;

pub const FILE: &str = "plans.sealed";
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
const ROWS: u32 = 5_000;

pub struct KeptPlans(pub KeptFile);

impl KeptPlans {
    pub fn read(&self) -> Option<UserPlans> {
        let (news, _) = self.0.open(|mut kept| {
            let mut news = Vec::new();
            while let Some(rows) = kept.next_piece::<Vec<PlanFeedRow>>()? {
                news.extend(rows.into_iter().filter_map(|row| row.read().ok()));
            }
            Ok(news)
        })?;
        let plans = UserPlans::default();
        plans.learn(news);
        Some(plans)
    }

    pub fn wants(&self, revision: i64) -> bool {
        self.0.wants(revision)
    }

    /// Reads the feed once more from its beginning, and writes it. What changes meanwhile comes again, further behind.
    pub fn keep(&self, store: Store) {
        self.0.keep(write(self.0.clone(), store));
    }
}

async fn write(file: KeptFile, store: Store) -> Result<i64, KeepError> {
    let end = timeout(QUERY_TIMEOUT, store.plan_feed_end()).await??;
    let (mut writing, mut revision) = (file.begin(end)?, 0);
    loop {
        let rows = timeout(QUERY_TIMEOUT, store.plan_feed(revision, ROWS)).await??;
        let Some(last) = rows.last() else { break };
        revision = last.revision;
        writing = writing.add(rows).await?;
    }
    writing.end().await?;
    Ok(end)
}
