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
    /// By day, newest first, from the first full hour after `since`; days without a request are not in it.
    pub async fn byok_usage(
        &self,
        proxy: ProxyId,
        (key, owner): (ByokKeyId, &Subject),
        since: OffsetDateTime,
    ) -> Result<Vec<ByokDayRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, sum(requests)::bigint AS requests,
                 sum(input_tokens)::bigint AS input_tokens,
                 sum(output_tokens)::bigint AS output_tokens
             FROM usage_user_hours
             WHERE byok_key_id = $1 AND proxy_id = $2 AND issuer_id = $3 AND sub = $4 AND hour > $5
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
