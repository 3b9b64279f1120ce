//! A seller's customers: who they are among an App's users, and what they have bought.
//!
//! Webhooks only ask for a customer to be read again. A reading takes its number before it begins and is written only over one
//! with a smaller number, so that readings that overtake each other end with the newest.

use std::collections::HashMap;

use keyward_domain::ids::{AccountId, AppId, IssuerId};
use keyward_domain::issuer::Subject;
use keyward_domain::plans::{Entitlement, LinkKind};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::one_row;
use crate::purchase_sources::{SourceRef, source_named};
use crate::{Store, StoreError};

#[derive(FromRow)]
pub struct PurchaserRow {
    pub id: Uuid,
    pub source: String,
    pub customer_id: String,
    pub issuer_id: Option<Uuid>,
    pub sub: Option<String>,
    pub linked_by: Option<String>,
    pub named_user: Option<String>,
    pub email: Option<String>,
    pub entitlements: Json<Vec<Entitlement>>,
    pub read_at: Option<OffsetDateTime>,
    pub last_error: Option<String>,
}

/// A webhook, as far as it matters.
pub struct NewPurchaseEvent<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    /// Whose records it concerns, if anybody's.
    pub customers: &'a [String],
}

/// A customer whose records are to be read.
#[derive(Clone, Debug)]
pub struct DuePurchaser {
    pub source: SourceRef,
    pub customer: String,
    /// The reading's number.
    pub reading: i64,
    /// How often it failed since it last went well.
    pub failures: i32,
    pub named_user: Option<String>,
}

#[derive(FromRow)]
struct DueRow {
    account_id: Uuid,
    app_id: Uuid,
    source: String,
    customer_id: String,
    reading: i64,
    failures: i32,
    named_user: Option<String>,
}

/// What a reading brought.
pub struct PurchaserReading {
    pub email: Option<String>,
    /// Whom the records name; none leaves what is known.
    pub named: Option<(String, LinkKind)>,
    pub entitlements: Vec<Entitlement>,
    /// Why nobody was found by that name.
    pub unlinked_because: Option<String>,
}

const COLUMNS: &str =
    "id, source, customer_id, issuer_id, sub, linked_by, named_user, email, entitlements, read_at, last_error";

impl Store {
    /// In one transaction: the event is known, and its customers are to be read. `false` when it was known before.
    pub async fn take_purchase_event(
        &self,
        source: &SourceRef,
        event: &NewPurchaseEvent<'_>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool.begin().await?;
        let taken = sqlx::query(
            "INSERT INTO purchase_events (app_id, source, event_id, kind, received_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
        )
        .bind(source.app.0)
        .bind(source.source.name())
        .bind(event.id)
        .bind(event.kind)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if taken.rows_affected() == 0 {
            return Ok(false);
        }
        for customer in event.customers {
            want(&mut tx, source, customer, now).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// For the reconciler: these are to be read, however long ago they were.
    pub async fn want_purchasers(
        &self,
        source: &SourceRef,
        customers: &[String],
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        for customer in customers {
            want(&mut tx, source, customer, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// At most `rows` customers of a source that were last read before `read_before` and are not to be read anyway.
    pub async fn purchasers_read_before(
        &self,
        source: &SourceRef,
        read_before: OffsetDateTime,
        rows: u32,
    ) -> Result<Vec<String>, StoreError> {
        let customers = source
            .query_scalar(
                "SELECT customer_id FROM purchasers
             WHERE app_id = $1 AND account_id = $2 AND source = $3 AND coalesce(read_at < $4, true) AND wanted <= read
             ORDER BY read_at NULLS FIRST, customer_id LIMIT $5",
            )
            .bind(read_before)
            .bind(i64::from(rows))
            .fetch_all(&self.pool)
            .await?;
        Ok(customers)
    }

    /// At most `rows` that the records name a user of whom nobody knew when they were last read.
    pub async fn purchasers_of_nobody(
        &self,
        source: &SourceRef,
        read_before: OffsetDateTime,
        rows: u32,
    ) -> Result<Vec<String>, StoreError> {
        let customers = source
            .query_scalar(
                "SELECT customer_id FROM purchasers
             WHERE app_id = $1 AND account_id = $2 AND source = $3 AND sub IS NULL AND named_user IS NOT NULL
                 AND read_at < $4 AND wanted <= read
             ORDER BY read_at, customer_id LIMIT $5",
            )
            .bind(read_before)
            .bind(i64::from(rows))
            .fetch_all(&self.pool)
            .await?;
        Ok(customers)
    }

    /// What these customers have as far as it is known; one that isn't is left out.
    pub async fn purchases_of_customers(
        &self,
        source: &SourceRef,
        customers: &[String],
    ) -> Result<HashMap<String, Vec<Entitlement>>, StoreError> {
        let rows: Vec<(String, Json<Vec<Entitlement>>)> = source
            .query_as(
                "SELECT customer_id, entitlements FROM purchasers
             WHERE app_id = $1 AND account_id = $2 AND source = $3 AND customer_id = ANY($4)",
            )
            .bind(customers)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|(customer, Json(entitlements))| (customer, entitlements)).collect())
    }

    /// How many are still to be read.
    pub async fn purchasers_waiting(&self, source: &SourceRef) -> Result<i64, StoreError> {
        let waiting = source.query_scalar("SELECT count(*) FROM purchasers WHERE app_id = $1 AND account_id = $2 AND source = $3 AND wanted > read")
        .fetch_one(&self.pool)
        .await?;
        Ok(waiting)
    }

    /// Takes the customer that has waited longest, with a number for its reading. Until `until` nobody else takes it.
    pub async fn take_due_purchaser(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<DuePurchaser>, StoreError> {
        let row: Option<DueRow> = sqlx::query_as(
            "UPDATE purchasers SET next_try_at = $2 WHERE id = (
                 SELECT id FROM purchasers WHERE wanted > read AND next_try_at <= $1
                 ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING account_id, app_id, source, customer_id, nextval('purchase_reads') AS reading, failures, named_user",
        )
        .bind(now)
        .bind(until)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (account, app, source) = (AccountId(row.account_id), AppId(row.app_id), source_named(&row.source)?);
        Ok(Some(DuePurchaser {
            source: SourceRef { account, app, source },
            customer: row.customer_id,
            reading: row.reading,
            failures: row.failures,
            named_user: row.named_user,
        }))
    }

    /// `subject` is the user that the records name, where there is one. A link by hand stays as it is. `false` when a later
    /// reading was written already.
    pub async fn write_purchaser(
        &self,
        due: &DuePurchaser,
        reading: &PurchaserReading,
        subject: Option<&Subject>,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let (named, how) = reading.named.as_ref().map(|(named, how)| (named.as_str(), how.name())).unzip();
        let written = due
            .source
            .query(
                "UPDATE purchasers SET read = $4, read_at = $5, entitlements = $6, email = $7, failures = 0,
                 last_error = CASE WHEN linked_by = 'by_hand' THEN NULL ELSE $13 END,
                 next_try_at = CASE WHEN wanted > $4 THEN $5 ELSE next_try_at END,
                 named_user = coalesce($8, named_user),
                 linked_by = CASE WHEN linked_by = 'by_hand' THEN linked_by ELSE coalesce($9, linked_by) END,
                 issuer_id = CASE WHEN linked_by = 'by_hand' THEN issuer_id ELSE $11 END,
                 sub = CASE WHEN linked_by = 'by_hand' THEN sub ELSE $10 END
             WHERE app_id = $1 AND account_id = $2 AND source = $3 AND customer_id = $12 AND read < $4",
            )
            .bind(due.reading)
            .bind(now)
            .bind(Json(&reading.entitlements))
            .bind(&reading.email)
            .bind(named)
            .bind(how)
            .bind(subject.map(|subject| &subject.sub))
            .bind(subject.map(|subject| subject.issuer.0))
            .bind(&due.customer)
            .bind(&reading.unlinked_because)
            .execute(&self.pool)
            .await?;
        Ok(written.rows_affected() > 0)
    }

    /// What is known stays; it is tried again at `next_try`, unless a later reading went well.
    pub async fn purchaser_not_read(
        &self,
        due: &DuePurchaser,
        error: &str,
        next_try: OffsetDateTime,
    ) -> Result<(), StoreError> {
        due.source
            .query(
                "UPDATE purchasers SET failures = failures + 1, last_error = $5, next_try_at = $6
             WHERE app_id = $1 AND account_id = $2 AND source = $3 AND customer_id = $4 AND read < $7",
            )
            .bind(&due.customer)
            .bind(error)
            .bind(next_try)
            .bind(due.reading)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Nothing was tried: its seller can't be asked now.
    pub async fn put_purchaser_off(&self, due: &DuePurchaser, next_try: OffsetDateTime) -> Result<(), StoreError> {
        due.source
            .query(
                "UPDATE purchasers SET next_try_at = $5
             WHERE app_id = $1 AND account_id = $2 AND source = $3 AND customer_id = $4 AND read < $6",
            )
            .bind(&due.customer)
            .bind(next_try)
            .bind(due.reading)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Newest first; those that nobody could be found for before all others.
    pub async fn purchasers(
        &self,
        account: AccountId,
        app: AppId,
        search: Option<&str>,
        rows: u32,
    ) -> Result<Vec<PurchaserRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM purchasers WHERE app_id = $1 AND account_id = $2
                 AND ($3::text IS NULL OR strpos(lower(concat_ws(' ', customer_id, sub, named_user, email)), lower($3)) > 0)
             ORDER BY (sub IS NULL) DESC, created_at DESC, id LIMIT $4",
        );
        let query = sqlx::query_as(&sql).bind(app.0).bind(account.0).bind(search).bind(i64::from(rows));
        Ok(query.fetch_all(&self.pool).await?)
    }

    pub async fn purchaser(&self, account: AccountId, id: Uuid) -> Result<(AppId, PurchaserRow), StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM purchasers WHERE id = $1 AND account_id = $2");
        let row = sqlx::query_as(&sql).bind(id).bind(account.0).fetch_one(&self.pool).await?;
        let app: Uuid = sqlx::query_scalar("SELECT app_id FROM purchasers WHERE id = $1 AND account_id = $2")
            .bind(id)
            .bind(account.0)
            .fetch_one(&self.pool)
            .await?;
        Ok((AppId(app), row))
    }

    /// Of one user: several customers may be the same person.
    pub async fn purchasers_of(
        &self,
        account: AccountId,
        app: AppId,
        subject: &Subject,
    ) -> Result<Vec<PurchaserRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM purchasers WHERE app_id = $1 AND account_id = $2 AND issuer_id = $3 AND sub = $4
             ORDER BY created_at, id",
        );
        let query = sqlx::query_as(&sql).bind(app.0).bind(account.0).bind(subject.issuer.0).bind(&subject.sub);
        Ok(query.fetch_all(&self.pool).await?)
    }

    /// Of customers that nobody was found for. `email` is in lower case.
    pub async fn purchasers_of_email(
        &self,
        account: AccountId,
        app: AppId,
        email: &str,
    ) -> Result<Vec<PurchaserRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM purchasers WHERE app_id = $1 AND account_id = $2 AND sub IS NULL AND email = $3
             ORDER BY created_at, id LIMIT 100",
        );
        Ok(sqlx::query_as(&sql).bind(app.0).bind(account.0).bind(email).fetch_all(&self.pool).await?)
    }

    /// By hand; `None` takes the user away, and the next reading may find one by the records again.
    pub async fn link_purchaser(
        &self,
        account: AccountId,
        id: Uuid,
        subject: Option<&Subject>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE purchasers SET issuer_id = $3, sub = $4, linked_by = CASE WHEN $4::text IS NULL THEN NULL ELSE 'by_hand' END,
                 wanted = nextval('purchase_reads'), next_try_at = $5
             WHERE id = $1 AND account_id = $2
                 AND ($3::uuid IS NULL OR $3 IN (SELECT issuers.id FROM issuers WHERE issuers.app_id = purchasers.app_id))",
        )
        .bind(id)
        .bind(account.0)
        .bind(subject.map(|subject| subject.issuer.0))
        .bind(subject.map(|subject| &subject.sub))
        .bind(now)
        .execute(&self.pool)
        .await?;
        one_row(changed.rows_affected())
    }

    /// Of the App's identity providers, those of which a user with this `sub` has called.
    pub async fn issuers_that_know(&self, app: AppId, sub: &str) -> Result<Vec<IssuerId>, StoreError> {
        let issuers: Vec<Uuid> = sqlx::query_scalar(
            "SELECT DISTINCT issuer_id FROM app_users WHERE app_id = $1 AND sub = $2 AND first_seen_at IS NOT NULL",
        )
        .bind(app.0)
        .bind(sub)
        .fetch_all(&self.pool)
        .await?;
        Ok(issuers.into_iter().map(IssuerId).collect())
    }

    pub async fn delete_old_purchase_events(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM purchase_events WHERE received_at < $1").bind(before);
        Ok(deleted.execute(&self.pool).await?.rows_affected())
    }
}

/// One that is waiting for a later try is tried at once.
async fn want(
    connection: &mut PgConnection,
    source: &SourceRef,
    customer: &str,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    source
        .query(
            "INSERT INTO purchasers (app_id, account_id, source, id, customer_id, wanted, next_try_at, created_at)
         VALUES ($1, $2, $3, $4, $5, nextval('purchase_reads'), $6, $6)
         ON CONFLICT (app_id, source, customer_id) DO UPDATE SET wanted = nextval('purchase_reads'),
             next_try_at = least(purchasers.next_try_at, excluded.next_try_at)",
        )
        .bind(Uuid::now_v7())
        .bind(customer)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}
