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
    /// In the hours from that of `since` to before `until`.
    pub async fn app_check_counts(
        &self,
        account: AccountId,
        app: AppId,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<AppCheckCounts, StoreError> {
        let counts = sqlx::query_as(
            "SELECT coalesce(sum(check_passed), 0)::bigint AS passed,
                 coalesce(sum(check_failed), 0)::bigint AS failed,
                 coalesce(sum(check_missing), 0)::bigint AS missing
             FROM usage_hours
             WHERE account_id = $1 AND app_id = $2 AND hour >= date_trunc('hour', $3::timestamptz, 'UTC') AND hour < $4",
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
