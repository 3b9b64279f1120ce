//! How an app's calls fared at App Check, for a developer who is about to enforce it.

use keyward_domain::ids::{AccountId, AppId};
use sqlx::FromRow;
use time::OffsetDateTime;

use crate::{Store, StoreError};

/// Calls by the outcome of their check; those of times when it was off are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct AppCheckCounts {
    pub passed: i64,
    pub failed: i64,
    pub missing: i64,
}

impl Store {
    /// From `since` to before `until`.
    pub async fn app_check_counts(
        &self,
        account: AccountId,
        app: AppId,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<AppCheckCounts, StoreError> {
        let counts = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE app_check = 'passed') AS passed,
                 count(*) FILTER (WHERE app_check = 'failed') AS failed,
                 count(*) FILTER (WHERE app_check = 'missing') AS missing
             FROM usage_events
             WHERE account_id = $1 AND app_id = $2 AND occurred_at >= $3 AND occurred_at < $4 AND app_check IS NOT NULL",
        )
        .bind(account.0)
        .bind(app.0)
        .bind(since)
        .bind(until)
        .fetch_one(&self.pool)
        .await?;
        Ok(counts)
    }
}
