//! What an app user's own key was used for, as its owner sees it.

use keyward_domain::ids::{ByokKeyId, ProxyId};
use keyward_domain::issuer::Subject;
use sqlx::FromRow;
use time::OffsetDateTime;

use crate::{Store, StoreError};

#[derive(FromRow)]
pub struct ByokDayRow {
    /// In UTC, as 2026-01-31.
    pub day: String,
    pub requests: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
}

impl Store {
    /// By day, newest first; days without a request are not in it.
    pub async fn byok_usage(
        &self,
        proxy: ProxyId,
        (key, owner): (ByokKeyId, &Subject),
        since: OffsetDateTime,
    ) -> Result<Vec<ByokDayRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, count(*) AS requests,
                 coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
                 coalesce(sum(output_tokens), 0)::bigint AS output_tokens
             FROM usage_events
             WHERE byok_key_id = $1 AND proxy_id = $2 AND issuer_id = $3 AND sub = $4 AND occurred_at > $5
             GROUP BY day ORDER BY day DESC",
        )
        .bind(key.0)
        .bind(proxy.0)
        .bind(owner.issuer.0)
        .bind(&owner.sub)
        .bind(since)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
