//! Where an App's users buy, with the secrets by which we read there and know the seller's webhooks.

use keyward_domain::ids::{AccountId, AppId};
use keyward_domain::plans::PurchaseSource;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::{FromRow, Postgres};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::accounts::one_row;
use crate::sealing::{DataKey, SealError, bind};
use crate::{Store, StoreError};

/// One in use, and the next one while the seller changes over.
pub const MAX_WEBHOOK_SECRETS: i64 = 4;
/// What `Conflict` names when there are as many.
pub const TOO_MANY_WEBHOOK_SECRETS: &str = "webhook_secrets_too_many";
/// What `Conflict` names when it is connected already.
pub const SOURCE_TWICE: &str = "purchase_sources_pkey";
/// What `Conflict` names when no webhook could be verified any more.
pub const LAST_WEBHOOK_SECRET: &str = "webhook_secrets_last";

/// Which App's, at which seller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceRef {
    pub account: AccountId,
    pub app: AppId,
    pub source: PurchaseSource,
}

impl SourceRef {
    fn binding(&self, what: &str) -> Vec<u8> {
        bind(what, &[self.account.0.as_bytes(), self.app.0.as_bytes(), self.source.name().as_bytes()])
    }
}

/// Statements about a source: `$1` is its App, `$2` the account, `$3` the seller; what else there is begins with `$4`.
impl SourceRef {
    pub(crate) fn query<'q>(&self, sql: &'q str) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(sql).bind(self.app.0).bind(self.account.0).bind(self.source.name())
    }

    pub(crate) fn query_as<'q, T>(&self, sql: &'q str) -> QueryAs<'q, Postgres, T, PgArguments>
    where
        T: for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_as(sql).bind(self.app.0).bind(self.account.0).bind(self.source.name())
    }

    pub(crate) fn query_scalar<'q, T>(&self, sql: &'q str) -> QueryScalar<'q, Postgres, T, PgArguments>
    where
        (T,): for<'r> FromRow<'r, PgRow>,
    {
        sqlx::query_scalar(sql).bind(self.app.0).bind(self.account.0).bind(self.source.name())
    }
}

impl DataKey {
    pub fn seal_source_key(&self, source: &SourceRef, key: &str) -> Result<Vec<u8>, SealError> {
        self.seal_bytes(key.as_bytes(), &source.binding("purchase source key"))
    }

    pub fn open_source_key(&self, source: &SourceRef, sealed: &[u8]) -> Result<Zeroizing<String>, SealError> {
        text(&self.open_bytes(sealed, &source.binding("purchase source key"))?)
    }

    pub fn seal_webhook_secret(&self, source: &SourceRef, secret: &str) -> Result<Vec<u8>, SealError> {
        self.seal_bytes(secret.as_bytes(), &source.binding("webhook secret"))
    }

    pub fn open_webhook_secret(&self, source: &SourceRef, sealed: &[u8]) -> Result<Zeroizing<String>, SealError> {
        text(&self.open_bytes(sealed, &source.binding("webhook secret"))?)
    }
}

fn text(plain: &[u8]) -> Result<Zeroizing<String>, SealError> {
    let text = std::str::from_utf8(plain).map_err(|_| SealError::DoesNotOpen)?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[derive(FromRow)]
pub struct PurchaseSourceRow {
    pub account_id: Uuid,
    pub source: String,
    pub sealed_key: Vec<u8>,
    pub key_hint: String,
    pub live: bool,
    pub connected_at: OffsetDateTime,
    pub checked_at: OffsetDateTime,
    pub last_run_at: Option<OffsetDateTime>,
    pub last_run_ok: Option<bool>,
    pub last_run_note: Option<String>,
}

#[derive(FromRow)]
pub struct WebhookSecretRow {
    pub id: Uuid,
    pub sealed: Vec<u8>,
    pub hint: String,
    pub created_at: OffsetDateTime,
    pub last_used_at: Option<OffsetDateTime>,
}

pub struct SealedSourceKey {
    pub sealed: Vec<u8>,
    pub hint: String,
    pub live: bool,
}

pub struct SealedWebhookSecret {
    pub id: Uuid,
    pub sealed: Vec<u8>,
    pub hint: String,
}

/// Whose webhooks come to an address.
#[derive(Clone, Copy)]
pub struct WebhookSource {
    pub source: SourceRef,
    pub live: bool,
}

/// One whose reconciler is due, and how far it came.
#[derive(Clone, Copy, Debug)]
pub struct DueSource {
    pub source: SourceRef,
    pub failures: i32,
    pub heard_until: Option<OffsetDateTime>,
    pub compared_at: Option<OffsetDateTime>,
}

/// How a run of the reconciler went. A time that is not there stays as it was.
pub struct SourceRun {
    pub at: OffsetDateTime,
    pub ok: bool,
    pub note: String,
    pub next_at: OffsetDateTime,
    pub heard_until: Option<OffsetDateTime>,
    pub compared_at: Option<OffsetDateTime>,
}

const COLUMNS: &str =
    "account_id, source, sealed_key, key_hint, live, connected_at, checked_at, last_run_at, last_run_ok, last_run_note";

impl Store {
    pub async fn purchase_sources(&self, account: AccountId, app: AppId) -> Result<Vec<PurchaseSourceRow>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM purchase_sources WHERE app_id = $1 AND account_id = $2 ORDER BY source");
        Ok(sqlx::query_as(&sql).bind(app.0).bind(account.0).fetch_all(&self.pool).await?)
    }

    pub async fn purchase_source(&self, source: &SourceRef) -> Result<PurchaseSourceRow, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM purchase_sources WHERE app_id = $1 AND account_id = $2 AND source = $3");
        let query = source.query_as(&sql);
        Ok(query.fetch_one(&self.pool).await?)
    }

    /// Whose webhooks these are: all that a seller says of itself is the App in the address.
    pub async fn source_of_webhooks(&self, app: AppId, source: PurchaseSource) -> Result<WebhookSource, StoreError> {
        let (account, live): (Uuid, bool) =
            sqlx::query_as("SELECT account_id, live FROM purchase_sources WHERE app_id = $1 AND source = $2")
                .bind(app.0)
                .bind(source.name())
                .fetch_one(&self.pool)
                .await?;
        Ok(WebhookSource { source: SourceRef { account: AccountId(account), app, source }, live })
    }

    /// A seller is connected once.
    pub async fn connect_source(
        &self,
        source: &SourceRef,
        key: &SealedSourceKey,
        secret: Option<&SealedWebhookSecret>,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let inserted = source.query("INSERT INTO purchase_sources (app_id, account_id, source, sealed_key, key_hint, live, connected_at, checked_at, next_run_at)
             SELECT apps.id, apps.account_id, $3, $4, $5, $6, $7, $7, $7 FROM apps WHERE apps.id = $1 AND apps.account_id = $2")
        .bind(&key.sealed)
        .bind(&key.hint)
        .bind(key.live)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        one_row(inserted.rows_affected())?;
        if let Some(secret) = secret {
            insert_secret(&mut tx, source, secret, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// A key of the same mode. The customers stay, and are all read again with it.
    pub async fn replace_source_key(
        &self,
        source: &SourceRef,
        key: &SealedSourceKey,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        let updated = source.query("UPDATE purchase_sources SET sealed_key = $4, key_hint = $5, checked_at = $7, next_run_at = $7, run_failures = 0,
                 compared_at = NULL
             WHERE app_id = $1 AND account_id = $2 AND source = $3 AND live = $6")
        .bind(&key.sealed)
        .bind(&key.hint)
        .bind(key.live)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        one_row(updated.rows_affected())?;
        source
            .query(
                "UPDATE purchasers SET wanted = nextval('purchase_reads'), next_try_at = $4
             WHERE app_id = $1 AND account_id = $2 AND source = $3",
            )
            .bind(now)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// With its customers and what they bought.
    pub async fn disconnect_source(&self, source: &SourceRef) -> Result<(), StoreError> {
        let deleted = source
            .query("DELETE FROM purchase_sources WHERE app_id = $1 AND account_id = $2 AND source = $3")
            .execute(&self.pool)
            .await?;
        one_row(deleted.rows_affected())
    }

    /// Newest first.
    pub async fn webhook_secrets(&self, source: &SourceRef) -> Result<Vec<WebhookSecretRow>, StoreError> {
        let rows = source
            .query_as(
                "SELECT id, sealed, hint, created_at, last_used_at FROM webhook_secrets
             WHERE app_id = $1 AND account_id = $2 AND source = $3 ORDER BY created_at DESC, id DESC",
            )
            .fetch_all(&self.pool)
            .await?;
        Ok(rows)
    }

    pub async fn add_webhook_secret(
        &self,
        source: &SourceRef,
        secret: &SealedWebhookSecret,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock(&mut tx, source).await?;
        insert_secret(&mut tx, source, secret, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Never the last one: webhooks would be refused, and nothing heard of.
    pub async fn remove_webhook_secret(&self, source: &SourceRef, id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock(&mut tx, source).await?;
        let deleted = source
            .query("DELETE FROM webhook_secrets WHERE app_id = $1 AND account_id = $2 AND source = $3 AND id = $4")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        one_row(deleted.rows_affected())?;
        if count_secrets(&mut tx, source).await? == 0 {
            return Err(StoreError::Conflict { constraint: LAST_WEBHOOK_SECRET.to_owned() });
        }
        tx.commit().await?;
        Ok(())
    }

    /// For the dashboard: which secret is in use.
    pub async fn webhook_secret_used(
        &self,
        source: &SourceRef,
        id: Uuid,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        source.query("UPDATE webhook_secrets SET last_used_at = $5 WHERE app_id = $1 AND account_id = $2 AND source = $3 AND id = $4
                 AND (last_used_at IS NULL OR last_used_at < $5 - interval '1 minute')")
        .bind(id)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Takes the source whose reconciler is due longest, and books its next run at `until`: of several servers, one does it.
    pub async fn take_due_source(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<DueSource>, StoreError> {
        type Row = (Uuid, Uuid, String, i32, Option<OffsetDateTime>, Option<OffsetDateTime>);
        let row: Option<Row> = sqlx::query_as(
            "UPDATE purchase_sources SET next_run_at = $2 WHERE (app_id, source) = (
                 SELECT app_id, source FROM purchase_sources WHERE next_run_at <= $1
                 ORDER BY next_run_at LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING account_id, app_id, source, run_failures, heard_until, compared_at",
        )
        .bind(now)
        .bind(until)
        .fetch_optional(&self.pool)
        .await?;
        let Some((account, app, source, failures, heard_until, compared_at)) = row else { return Ok(None) };
        let source = SourceRef { account: AccountId(account), app: AppId(app), source: source_named(&source)? };
        Ok(Some(DueSource { source, failures, heard_until, compared_at }))
    }

    pub async fn record_source_run(&self, source: &SourceRef, run: &SourceRun) -> Result<(), StoreError> {
        source
            .query(
                "UPDATE purchase_sources SET last_run_at = $4, last_run_ok = $5, last_run_note = $6, next_run_at = $7,
                 run_failures = CASE WHEN $5 THEN 0 ELSE run_failures + 1 END,
                 heard_until = coalesce($8, heard_until), compared_at = coalesce($9, compared_at)
             WHERE app_id = $1 AND account_id = $2 AND source = $3",
            )
            .bind(run.at)
            .bind(run.ok)
            .bind(&run.note)
            .bind(run.next_at)
            .bind(run.heard_until)
            .bind(run.compared_at)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

pub(crate) fn source_named(name: &str) -> Result<PurchaseSource, StoreError> {
    PurchaseSource::named(name).ok_or_else(|| StoreError::Broken(format!("{name} is no purchase source")))
}

async fn lock(connection: &mut sqlx::PgConnection, source: &SourceRef) -> Result<(), StoreError> {
    let _: Uuid = source.query_scalar("SELECT app_id FROM purchase_sources WHERE app_id = $1 AND account_id = $2 AND source = $3 FOR NO KEY UPDATE")
    .fetch_one(connection)
    .await?;
    Ok(())
}

async fn count_secrets(connection: &mut sqlx::PgConnection, source: &SourceRef) -> Result<i64, StoreError> {
    let count = source
        .query_scalar("SELECT count(*) FROM webhook_secrets WHERE app_id = $1 AND account_id = $2 AND source = $3")
        .fetch_one(connection)
        .await?;
    Ok(count)
}

async fn insert_secret(
    connection: &mut sqlx::PgConnection,
    source: &SourceRef,
    secret: &SealedWebhookSecret,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    if count_secrets(&mut *connection, source).await? >= MAX_WEBHOOK_SECRETS {
        return Err(StoreError::Conflict { constraint: TOO_MANY_WEBHOOK_SECRETS.to_owned() });
    }
    source
        .query(
            "INSERT INTO webhook_secrets (app_id, account_id, source, id, sealed, hint, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(secret.id)
        .bind(&secret.sealed)
        .bind(&secret.hint)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}
