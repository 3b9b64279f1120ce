//! How long usage is kept: partitions by UTC day made ahead, events thrown away when their app's days are over, and
//! sums by user after a good year. Sums by hour stay as long as their proxy.

use keyward_domain::ids::{AccountId, AppId};
use sqlx::{FromRow, PgConnection, Postgres, Transaction};
use time::{Date, Duration, OffsetDateTime, Time};
use uuid::Uuid;

use crate::accounts::one_row;
use crate::tiers::{KEPT_COLUMNS, KeptRow};
use crate::{Store, StoreError};

/// Partitions are there so long before their day: the dashboard may be away meanwhile.
const DAYS_AHEAD: i64 = 7;
/// Where nobody has an app yet.
const LONGEST_RETENTION_DAYS: i32 = 400;
const USER_SUMS_KEPT: Duration = Duration::days(400);
const ROWS_AT_ONCE: i64 = 5_000;
/// Of the transactions that change partitions: only one process does.
const LOCK: i64 = 0x006b_6579_7761_7264;

/// What one round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageKept {
    pub days_made: usize,
    pub days_dropped: usize,
    pub events_deleted: u64,
    pub user_sums_deleted: u64,
}

#[derive(FromRow)]
struct AskedRow {
    account_id: Uuid,
    id: Uuid,
    usage_retention_days: i32,
    #[sqlx(flatten)]
    kept: KeptRow,
}

/// For how many days an app's events are kept now.
struct KeptApp {
    account: AccountId,
    app: AppId,
    days: i32,
}

impl Store {
    pub async fn usage_retention_days(&self, account: AccountId, app: AppId) -> Result<i32, StoreError> {
        let days = sqlx::query_scalar("SELECT usage_retention_days FROM apps WHERE id = $1 AND account_id = $2")
            .bind(app.0)
            .bind(account.0)
            .fetch_one(&self.pool)
            .await?;
        Ok(days)
    }

    pub async fn set_usage_retention(&self, account: AccountId, app: AppId, days: i32) -> Result<(), StoreError> {
        let changed = sqlx::query("UPDATE apps SET usage_retention_days = $3 WHERE id = $1 AND account_id = $2")
            .bind(app.0)
            .bind(account.0)
            .bind(days)
            .execute(&self.pool)
            .await?;
        one_row(changed.rows_affected())
    }

    /// Once an hour is enough. Several may call it at once: one does it, the others do nothing.
    pub async fn keep_usage(&self, now: OffsetDateTime) -> Result<UsageKept, StoreError> {
        let mut kept = UsageKept::default();
        let today = now.to_offset(time::UtcOffset::UTC).date();
        let known = usage_days(&mut *self.pool.acquire().await?).await?;
        for day in (0..=DAYS_AHEAD).map(|ahead| today + Duration::days(ahead)).filter(|day| !known.contains(day)) {
            kept.days_made += usize::from(self.make_usage_day(day).await?);
        }
        let apps = self.kept_apps(now).await?;
        // A day is dropped when nobody keeps it.
        let longest = apps.iter().map(|app| app.days).max().unwrap_or(LONGEST_RETENTION_DAYS);
        let longest = Duration::days(longest.into());
        for day in known {
            if begin(day) + Duration::DAY <= now - longest {
                kept.days_dropped += usize::from(self.drop_usage_day(day).await?);
            }
        }
        kept.events_deleted = self.delete_old_usage(&apps, now).await?;
        let deleted = sqlx::query("DELETE FROM usage_user_hours WHERE hour < $1").bind(now - USER_SUMS_KEPT);
        kept.user_sums_deleted = deleted.execute(&self.pool).await?.rows_affected();
        Ok(kept)
    }

    /// What each app asks for, and no more than its account's tier has room for.
    async fn kept_apps(&self, now: OffsetDateTime) -> Result<Vec<KeptApp>, StoreError> {
        let sql = format!(
            "SELECT account_id, apps.id, usage_retention_days, {KEPT_COLUMNS}
             FROM apps JOIN accounts ON accounts.id = apps.account_id"
        );
        let rows: Vec<AskedRow> = sqlx::query_as(&sql).fetch_all(&self.pool).await?;
        let kept = rows.into_iter().map(|row| {
            let asked = row.usage_retention_days;
            let days = row.kept.log_days(now)?.map_or(asked, |tier| tier.of_asked(asked));
            Ok(KeptApp { account: AccountId(row.account_id), app: AppId(row.id), days })
        });
        kept.collect()
    }

    /// What the default partition has of that day moves into its own. Whether it was made now.
    async fn make_usage_day(&self, day: Date) -> Result<bool, StoreError> {
        let Some(mut tx) = self.alone().await? else { return Ok(false) };
        // Another process may have made it just now.
        if usage_days(&mut tx).await?.contains(&day) {
            return Ok(false);
        }
        let (name, from, until) = (partition(day), begin(day), begin(day) + Duration::DAY);
        // In the order in which a deleted proxy takes them.
        run(&mut tx, "LOCK TABLE proxies IN SHARE ROW EXCLUSIVE MODE").await?;
        run(&mut tx, "LOCK TABLE usage_events_default IN ACCESS EXCLUSIVE MODE").await?;
        let made = format!("CREATE TABLE {name} (LIKE usage_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)");
        run(&mut tx, &made).await?;
        // Straight into the partition: these were summed when they came in.
        for moved in [
            format!(
                "INSERT INTO {name} SELECT * FROM usage_events_default WHERE occurred_at >= $1 AND occurred_at < $2"
            ),
            "DELETE FROM usage_events_default WHERE occurred_at >= $1 AND occurred_at < $2".to_owned(),
        ] {
            sqlx::query(&moved).bind(from).bind(until).execute(&mut *tx).await?;
        }
        let bounds = format!("FROM ('{day} 00:00:00+00') TO ('{} 00:00:00+00')", day + Duration::DAY);
        run(&mut tx, &format!("ALTER TABLE usage_events ATTACH PARTITION {name} FOR VALUES {bounds}")).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn drop_usage_day(&self, day: Date) -> Result<bool, StoreError> {
        let Some(mut tx) = self.alone().await? else { return Ok(false) };
        run(&mut tx, &format!("DROP TABLE IF EXISTS {}", partition(day))).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// A transaction in which nobody else changes partitions, and which gives up rather than hold up the edge.
    async fn alone(&self) -> Result<Option<Transaction<'static, Postgres>>, StoreError> {
        let mut tx = self.pool.begin().await?;
        run(&mut tx, "SET LOCAL lock_timeout = '3s'").await?;
        let is_ours: bool =
            sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(LOCK).fetch_one(&mut *tx).await?;
        Ok(is_ours.then_some(tx))
    }

    /// In pieces, so that no lock is held for long.
    async fn delete_old_usage(&self, apps: &[KeptApp], now: OffsetDateTime) -> Result<u64, StoreError> {
        let mut total = 0;
        for KeptApp { account, app, days } in apps {
            loop {
                let before = now - Duration::days((*days).into());
                let deleted = self.delete_usage_before(*account, *app, before).await?;
                total += deleted;
                if deleted < ROWS_AT_ONCE.unsigned_abs() {
                    break;
                }
            }
        }
        Ok(total)
    }

    async fn delete_usage_before(
        &self,
        account: AccountId,
        app: AppId,
        before: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let deleted = sqlx::query(
            "DELETE FROM usage_events USING (
                 SELECT id, occurred_at FROM usage_events
                 WHERE account_id = $1 AND app_id = $2 AND occurred_at < $3 ORDER BY occurred_at LIMIT $4) AS old
             WHERE usage_events.id = old.id AND usage_events.occurred_at = old.occurred_at
                 AND usage_events.account_id = $1 AND usage_events.app_id = $2",
        )
        .bind(account.0)
        .bind(app.0)
        .bind(before)
        .bind(ROWS_AT_ONCE)
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }
}

async fn usage_days(connection: &mut PgConnection) -> Result<Vec<Date>, StoreError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
         WHERE inhparent = 'usage_events'::regclass ORDER BY relname",
    )
    .fetch_all(connection)
    .await?;
    Ok(names.iter().filter_map(|name| day_of(name)).collect())
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(connection).await?;
    Ok(())
}

fn begin(day: Date) -> OffsetDateTime {
    day.with_time(Time::MIDNIGHT).assume_utc()
}

const PREFIX: &str = "usage_events_";

fn partition(day: Date) -> String {
    format!("{PREFIX}{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day())
}

fn day_of(partition: &str) -> Option<Date> {
    let digits = partition.strip_prefix(PREFIX)?;
    let number = |range| digits.get::<std::ops::Range<usize>>(range).and_then(|text| text.parse::<u8>().ok());
    let month = number(4..6)?.try_into().ok()?;
    Date::from_calendar_date(digits.get(..4)?.parse().ok()?, month, number(6..8)?).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_partition_is_known_by_its_day() {
        assert_eq!(partition(date!(2026 - 03 - 01)), "usage_events_20260301");
        assert_eq!(day_of("usage_events_20260301"), Some(date!(2026 - 03 - 01)));
        assert_eq!(day_of("usage_events_default"), None);
    }
}
