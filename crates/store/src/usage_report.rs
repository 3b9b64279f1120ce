//! What the dashboard shows of usage: sums over time and the heaviest users, from the sums by hour; the latest requests,
//! from the events.

use keyward_domain::ids::{AccountId, AppId, ProxyId};
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError};

/// Whose usage.
#[derive(Clone, Copy, Debug)]
pub enum UsageScope {
    Proxy(ProxyId),
    App(AppId),
}

impl UsageScope {
    fn column(self) -> &'static str {
        match self {
            Self::Proxy(_) => "proxy_id",
            Self::App(_) => "app_id",
        }
    }

    fn id(self) -> Uuid {
        match self {
            Self::Proxy(id) => id.0,
            Self::App(id) => id.0,
        }
    }
}

/// How wide a bucket is; buckets begin on UTC hours or days.
#[derive(Clone, Copy, Debug)]
pub enum BucketWidth {
    Hour,
    Day,
}

impl BucketWidth {
    fn unit(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// A UTC day always has 24 hours; "1 day" would follow the session's time zone.
    fn step(self) -> &'static str {
        match self {
            Self::Hour => "1 hour",
            Self::Day => "24 hours",
        }
    }
}

/// From the beginning of the first bucket to (excluding) `until`.
#[derive(Clone, Copy, Debug)]
pub struct UsagePeriod {
    pub from: OffsetDateTime,
    pub until: OffsetDateTime,
    pub width: BucketWidth,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct TotalsRow {
    pub requests: i64,
    pub errors: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cost_micro_usd: i64,
}

#[derive(FromRow)]
pub struct BucketRow {
    pub starts_at: OffsetDateTime,
    #[sqlx(flatten)]
    pub totals: TotalsRow,
}

#[derive(FromRow)]
pub struct TopUserRow {
    pub sub: String,
    #[sqlx(flatten)]
    pub totals: TotalsRow,
}

#[derive(FromRow)]
pub struct RecentRequestRow {
    pub occurred_at: OffsetDateTime,
    pub method: String,
    pub endpoint: Option<String>,
    pub status: i32,
    pub code: Option<String>,
    pub model: Option<String>,
    pub sub: Option<String>,
    pub duration_ms: i32,
}

const SUMS: &str = "coalesce(sum(requests), 0)::bigint AS requests,
     coalesce(sum(errors), 0)::bigint AS errors,
     coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
     coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
     coalesce(sum(cost_micro_usd), 0)::bigint AS cost_micro_usd";

impl Store {
    /// Oldest first; hours or days without a request are there with zeros.
    pub async fn usage_buckets(
        &self,
        account: AccountId,
        scope: UsageScope,
        period: UsagePeriod,
    ) -> Result<Vec<BucketRow>, StoreError> {
        let (unit, step, column) = (period.width.unit(), period.width.step(), scope.column());
        let sql = format!(
            "SELECT bucket AS starts_at, {SUMS}
             FROM generate_series($3::timestamptz, $4::timestamptz - interval '1 microsecond', interval '{step}') AS bucket
             LEFT JOIN usage_hours
                 ON usage_hours.account_id = $1 AND usage_hours.{column} = $2
                 AND usage_hours.hour >= $3 AND usage_hours.hour < $4
                 AND date_trunc('{unit}', usage_hours.hour, 'UTC') = bucket
             GROUP BY bucket ORDER BY bucket"
        );
        let rows = sqlx::query_as(&sql)
            .bind(account.0)
            .bind(scope.id())
            .bind(period.from)
            .bind(period.until)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows)
    }

    pub async fn top_users(
        &self,
        account: AccountId,
        scope: UsageScope,
        period: UsagePeriod,
    ) -> Result<Vec<TopUserRow>, StoreError> {
        let column = scope.column();
        let sql = format!(
            "SELECT sub, {SUMS}
             FROM usage_user_hours
             WHERE account_id = $1 AND {column} = $2 AND hour >= $3 AND hour < $4
             GROUP BY issuer_id, sub
             ORDER BY cost_micro_usd DESC, requests DESC, sub
             LIMIT 10"
        );
        let rows = sqlx::query_as(&sql)
            .bind(account.0)
            .bind(scope.id())
            .bind(period.from)
            .bind(period.until)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows)
    }

    /// The latest first, whatever the period: a developer looks here right after a call.
    pub async fn recent_requests(
        &self,
        account: AccountId,
        scope: UsageScope,
    ) -> Result<Vec<RecentRequestRow>, StoreError> {
        let column = scope.column();
        let sql = format!(
            "SELECT occurred_at, method, endpoint, status, code, model, sub, duration_ms
             FROM usage_events WHERE account_id = $1 AND {column} = $2 AND NOT is_part
             ORDER BY occurred_at DESC, id DESC LIMIT 20"
        );
        let rows = sqlx::query_as(&sql).bind(account.0).bind(scope.id()).fetch_all(&self.pool).await?;
        Ok(rows)
    }
}
