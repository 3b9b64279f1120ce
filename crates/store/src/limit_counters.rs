//! What an edge without Redis has counted, kept for its next start. Only one process counts at a time: the last one wins.

use keyward_domain::ids::AppId;
use keyward_domain::limits::counter::Counter;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError};

pub struct LimitCounter {
    pub app: AppId,
    pub name: String,
    pub counter: Counter,
    /// When the last of it has left its window.
    pub expires_at: OffsetDateTime,
}

impl Store {
    /// Counters of apps that are gone are left out.
    pub async fn save_limit_counters(&self, counters: &[LimitCounter]) -> Result<(), StoreError> {
        let column = |counter: &LimitCounter| Json(counter.counter.clone());
        sqlx::query(
            "INSERT INTO limit_counters (app_id, key, counter, expires_at)
             SELECT counted.* FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[])
                 AS counted (app_id, key, counter, expires_at)
             JOIN apps ON apps.id = counted.app_id
             ORDER BY counted.app_id, counted.key
             ON CONFLICT (app_id, key) DO UPDATE SET counter = excluded.counter, expires_at = excluded.expires_at",
        )
        .bind(counters.iter().map(|counter| counter.app.0).collect::<Vec<_>>())
        .bind(counters.iter().map(|counter| counter.name.as_str()).collect::<Vec<_>>())
        .bind(counters.iter().map(column).collect::<Vec<_>>())
        .bind(counters.iter().map(|counter| counter.expires_at).collect::<Vec<_>>())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Of all apps: the edge serves them all.
    pub async fn load_limit_counters(&self, now: OffsetDateTime) -> Result<Vec<LimitCounter>, StoreError> {
        let rows: Vec<(Uuid, String, Json<Counter>, OffsetDateTime)> =
            sqlx::query_as("SELECT app_id, key, counter, expires_at FROM limit_counters WHERE expires_at > $1")
                .bind(now)
                .fetch_all(&self.pool)
                .await?;
        let counter =
            |(app, name, Json(counter), expires_at)| LimitCounter { app: AppId(app), name, counter, expires_at };
        Ok(rows.into_iter().map(counter).collect())
    }

    pub async fn forget_limit_counters(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM limit_counters WHERE expires_at <= $1").bind(now).execute(&self.pool).await?;
        Ok(())
    }
}
