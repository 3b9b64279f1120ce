//! What accounts have of us and pay for it, and how much of it they have used.

use keyward_domain::ids::AccountId;
use keyward_domain::log_days::{Fall, LogDays, fall};
use keyward_domain::notices::AccountNotice;
use keyward_domain::plans::Entitlement;
use keyward_domain::tiers::TierName;
use sqlx::FromRow;
use sqlx::types::Json;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::account_notices::give_notice;
#[cfg(feature = "testing")]
use crate::accounts::one_row;
use crate::{Store, StoreError};

#[derive(FromRow)]
pub struct AccountTierRow {
    pub id: Uuid,
    pub stripe_customer: Option<String>,
    pub subscription: Option<Json<Entitlement>>,
    /// Paid for as well, and to be canceled.
    pub subscriptions_beside: Json<Vec<Entitlement>>,
    pub over_since: Option<OffsetDateTime>,
    pub stopped: bool,
    requests: i64,
    /// Kinds of notices that were given this month, to the tier of now.
    pub notices: Vec<String>,
    #[sqlx(flatten)]
    kept: KeptRow,
}

/// What says how long single requests are kept.
#[derive(FromRow)]
pub(crate) struct KeptRow {
    tier: String,
    fell_from: Option<String>,
    fell_at: Option<OffsetDateTime>,
    began_at: Option<OffsetDateTime>,
}

impl KeptRow {
    fn tier(&self) -> Result<TierName, StoreError> {
        tier_named(&self.tier)
    }

    fn fell(&self) -> Result<Option<Fall>, StoreError> {
        let Some((from, at)) = self.fell_from.as_deref().zip(self.fell_at) else { return Ok(None) };
        Ok(Some(Fall { from: tier_named(from)?, at }))
    }

    /// `None` where developers pay nothing: as many as any.
    pub fn log_days(&self, now: OffsetDateTime) -> Result<Option<LogDays>, StoreError> {
        let Some(began) = self.began_at else { return Ok(None) };
        Ok(Some(LogDays::of(self.tier()?, self.fell()?, began, now)))
    }
}

fn tier_named(name: &str) -> Result<TierName, StoreError> {
    TierName::named(name).ok_or_else(|| StoreError::Broken(format!("{name} is no tier")))
}

pub(crate) const KEPT_COLUMNS: &str = "tier, fell_from, fell_at, (SELECT began_at FROM billing_began) AS began_at";

impl AccountTierRow {
    pub fn tier(&self) -> Result<TierName, StoreError> {
        self.kept.tier()
    }

    pub fn log_days(&self, now: OffsetDateTime) -> Result<Option<LogDays>, StoreError> {
        self.kept.log_days(now)
    }

    pub fn requests(&self) -> u64 {
        u64::try_from(self.requests).unwrap_or(0)
    }
}

const COLUMNS: &str = "accounts.id, stripe_customer, subscription, subscriptions_beside, over_since, stopped, coalesce(requests, 0) AS requests";
const NOTICES: &str = "ARRAY(SELECT kind FROM account_notices AS given
    WHERE given.account_id = accounts.id AND given.month = $1 AND given.tier = accounts.tier)";

/// What an account has come to, by the tier that it was judged by.
pub struct Judged<'a> {
    pub tier: TierName,
    pub over_since: Option<OffsetDateTime>,
    pub stopped: bool,
    pub notice: Option<&'a AccountNotice>,
}

/// What a reading at Stripe brought.
pub struct BillingReading {
    /// Taken before the reading began.
    pub number: i64,
    pub tier: TierName,
    pub subscription: Option<Entitlement>,
    /// Paid for as well.
    pub beside: Vec<Entitlement>,
    /// Of a payment that failed.
    pub notice: Option<AccountNotice>,
}

impl Store {
    /// With the requests of this month.
    pub async fn account_tier(&self, account: AccountId, month: Date) -> Result<AccountTierRow, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, {KEPT_COLUMNS}, '{{}}'::text[] AS notices
             FROM accounts LEFT JOIN account_months ON account_id = accounts.id AND month = $2
             WHERE accounts.id = $1"
        );
        Ok(sqlx::query_as(&sql).bind(account.0).bind(month).fetch_one(&self.pool).await?)
    }

    /// Those whose standing may have to change: with so many requests this month, or not within their tier until now.
    pub async fn accounts_to_judge(&self, month: Date, from_requests: u64) -> Result<Vec<AccountTierRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, {KEPT_COLUMNS}, {NOTICES} AS notices
             FROM accounts LEFT JOIN account_months ON account_id = accounts.id AND month = $1
             WHERE requests >= $2 OR over_since IS NOT NULL OR stopped ORDER BY accounts.id"
        );
        let from = i64::try_from(from_requests).unwrap_or(i64::MAX);
        Ok(sqlx::query_as(&sql).bind(month).bind(from).fetch_all(&self.pool).await?)
    }

    /// With the notice, in one transaction. The edge hears of it where `stopped` has changed. Nothing of it for an account
    /// whose tier has changed since it was judged.
    pub async fn set_standing(
        &self,
        account: AccountId,
        judged: &Judged<'_>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let found: Option<Uuid> =
            sqlx::query_scalar("SELECT id FROM accounts WHERE id = $1 AND tier = $2 FOR NO KEY UPDATE")
                .bind(account.0)
                .bind(judged.tier.name())
                .fetch_optional(&mut *tx)
                .await?;
        if found.is_none() {
            return Ok(());
        }
        sqlx::query(
            "UPDATE accounts SET over_since = $2, stopped = $3
             WHERE id = $1 AND (over_since IS DISTINCT FROM $2 OR stopped <> $3)",
        )
        .bind(account.0)
        .bind(judged.over_since)
        .bind(judged.stopped)
        .execute(&mut *tx)
        .await?;
        if let Some(notice) = judged.notice {
            give_notice(&mut tx, account, notice, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// From the first time on that it is said, tiers cut what is kept, after some days.
    pub async fn begin_billing(&self, now: OffsetDateTime) -> Result<(), StoreError> {
        let begun = sqlx::query("INSERT INTO billing_began (began_at) VALUES ($1) ON CONFLICT DO NOTHING").bind(now);
        begun.execute(&self.pool).await?;
        Ok(())
    }

    /// For an installation that takes no money: nobody is stopped, and nothing is cut.
    pub async fn lift_all_standings(&self) -> Result<u64, StoreError> {
        let lifted = sqlx::query(
            "UPDATE accounts SET over_since = NULL, stopped = false WHERE over_since IS NOT NULL OR stopped",
        );
        sqlx::query("DELETE FROM billing_began").execute(&self.pool).await?;
        Ok(lifted.execute(&self.pool).await?.rows_affected())
    }

    /// The first one stays: who is that at Stripe.
    pub async fn set_stripe_customer(&self, account: AccountId, customer: &str) -> Result<String, StoreError> {
        let kept = sqlx::query_scalar(
            "UPDATE accounts SET stripe_customer = coalesce(stripe_customer, $2) WHERE id = $1 RETURNING stripe_customer",
        )
        .bind(account.0)
        .bind(customer)
        .fetch_one(&self.pool)
        .await?;
        Ok(kept)
    }

    pub async fn account_of_customer(&self, customer: &str) -> Result<AccountId, StoreError> {
        let account = sqlx::query_scalar("SELECT id FROM accounts WHERE stripe_customer = $1").bind(customer);
        Ok(AccountId(account.fetch_one(&self.pool).await?))
    }

    pub async fn next_billing_reading(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("SELECT nextval('billing_reads')").fetch_one(&self.pool).await?)
    }

    pub async fn knows_billing_event(&self, event: &str) -> Result<bool, StoreError> {
        let known = sqlx::query_scalar("SELECT EXISTS (SELECT FROM billing_events WHERE event_id = $1)").bind(event);
        Ok(known.fetch_one(&self.pool).await?)
    }

    /// With the event that asked for it, in one transaction. A later reading that was written before stays.
    pub async fn write_billing(
        &self,
        account: AccountId,
        reading: &BillingReading,
        event: Option<(&str, &str)>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        if let Some((id, kind)) = event {
            sqlx::query(
                "INSERT INTO billing_events (event_id, kind, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            )
            .bind(id)
            .bind(kind)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        }
        if write_tier(&mut tx, account, reading, now).await?
            && let Some(notice) = &reading.notice
        {
            give_notice(&mut tx, account, notice, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// An event that concerns nobody here.
    pub async fn take_billing_event(&self, id: &str, kind: &str, now: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO billing_events (event_id, kind, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(kind)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Customers that were last read before then, in the order in which they were.
    pub async fn billing_read_before(
        &self,
        before: OffsetDateTime,
        rows: u32,
    ) -> Result<Vec<(AccountId, String)>, StoreError> {
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "SELECT id, stripe_customer FROM accounts
             WHERE stripe_customer IS NOT NULL AND coalesce(billing_read_at < $1, true)
             ORDER BY billing_read_at NULLS FIRST, id LIMIT $2",
        )
        .bind(before)
        .bind(i64::from(rows))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(account, customer)| (AccountId(account), customer)).collect())
    }

    pub async fn delete_old_billing_events(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM billing_events WHERE received_at < $1").bind(before);
        Ok(deleted.execute(&self.pool).await?.rows_affected())
    }

    pub async fn apps_and_members(&self, account: AccountId) -> Result<(i64, i64), StoreError> {
        let counts = sqlx::query_as(
            "SELECT (SELECT count(*) FROM apps WHERE account_id = $1), (SELECT count(*) FROM account_members WHERE account_id = $1)",
        );
        Ok(counts.bind(account.0).fetch_one(&self.pool).await?)
    }

    #[cfg(feature = "testing")]
    pub async fn set_tier(&self, account: AccountId, tier: TierName) -> Result<(), StoreError> {
        let changed = sqlx::query("UPDATE accounts SET tier = $2 WHERE id = $1").bind(account.0).bind(tier.name());
        one_row(changed.execute(&self.pool).await?.rows_affected())
    }
}

/// Whether it was: a later reading may have been.
async fn write_tier(
    connection: &mut sqlx::PgConnection,
    account: AccountId,
    reading: &BillingReading,
    now: OffsetDateTime,
) -> Result<bool, StoreError> {
    let before = format!(
        "SELECT {KEPT_COLUMNS} FROM accounts WHERE id = $1 AND billing_read < $2 FOR NO KEY UPDATE OF accounts"
    );
    let before: Option<KeptRow> =
        sqlx::query_as(&before).bind(account.0).bind(reading.number).fetch_optional(&mut *connection).await?;
    let Some(before) = before else { return Ok(false) };
    let fell = fall(before.tier()?, before.fell()?, reading.tier, now);
    sqlx::query(
        "UPDATE accounts SET tier = $3, subscription = $4, billing_read = $2, billing_read_at = $5, fell_from = $6, fell_at = $7,
             subscriptions_beside = $8
         WHERE id = $1",
    )
    .bind(account.0)
    .bind(reading.number)
    .bind(reading.tier.name())
    .bind(reading.subscription.as_ref().map(Json))
    .bind(now)
    .bind(fell.map(|fell| fell.from.name()))
    .bind(fell.map(|fell| fell.at))
    .bind(Json(&reading.beside))
    .execute(connection)
    .await?;
    Ok(true)
}
