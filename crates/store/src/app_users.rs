//! App users as the dashboard sees them: who called, and who may no longer. A Subject that never called can be blocked
//! too. Each change is an UPDATE, which the edge hears of.

use keyward_domain::ids::{AccountId, AppId, AppUserId, PlanId};
use keyward_domain::issuer::Subject;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::one_row;
use crate::{Store, StoreError};

#[derive(Clone, Debug, FromRow)]
pub struct AppUserRow {
    pub id: Uuid,
    pub issuer_id: Uuid,
    pub sub: String,
    /// Absent for one who was blocked before ever calling.
    pub first_seen_at: Option<OffsetDateTime>,
    pub last_seen_at: Option<OffsetDateTime>,
    pub blocked_at: Option<OffsetDateTime>,
    /// Tokens that were issued before are refused.
    pub tokens_not_before: Option<OffsetDateTime>,
    listed_at: OffsetDateTime,
}

/// Which of an app's users, and from where on.
#[derive(Clone, Debug, Default)]
pub struct AppUserQuery {
    /// A part of the user id (`sub`), in any case.
    pub search: Option<String>,
    pub only: AppUserFilter,
    /// The last one of the page before.
    pub after: Option<AppUserCursor>,
    pub page_rows: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppUserFilter {
    #[default]
    All,
    /// Blocked, or with tokens that were revoked.
    Revoked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppUserCursor {
    pub listed_at: OffsetDateTime,
    pub id: AppUserId,
}

/// At most `page_rows` users, last seen first.
#[derive(Debug, Default)]
pub struct AppUserPage {
    pub users: Vec<AppUserRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<AppUserCursor>,
}

impl AppUserRow {
    fn cursor(&self) -> AppUserCursor {
        AppUserCursor { listed_at: self.listed_at, id: AppUserId(self.id) }
    }
}

impl Store {
    pub async fn app_users(
        &self,
        account: AccountId,
        app: AppId,
        query: &AppUserQuery,
    ) -> Result<AppUserPage, StoreError> {
        let rows = query.page_rows.clamp(1, 500);
        let mut users: Vec<AppUserRow> = sqlx::query_as(
            "SELECT id, issuer_id, sub, first_seen_at, last_seen_at, blocked_at, tokens_not_before,
                 coalesce(last_seen_at, to_timestamp(0)) AS listed_at
             FROM app_users
             WHERE app_id = $1 AND account_id = $2
                 AND ($3::text IS NULL OR strpos(lower(sub), lower($3)) > 0)
                 AND (NOT $4 OR blocked_at IS NOT NULL OR tokens_not_before IS NOT NULL)
                 AND ($5::timestamptz IS NULL OR (coalesce(last_seen_at, to_timestamp(0)), id) < ($5, $6))
             ORDER BY coalesce(last_seen_at, to_timestamp(0)) DESC, id DESC LIMIT $7",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(query.search.as_deref().map(str::trim).filter(|text| !text.is_empty()))
        .bind(query.only == AppUserFilter::Revoked)
        .bind(query.after.map(|cursor| cursor.listed_at))
        .bind(query.after.map(|cursor| cursor.id.0))
        .bind(i64::from(rows) + 1)
        .fetch_all(&self.pool)
        .await?;
        // One more than fits was asked for, to learn whether there is a next page.
        let has_more = users.len() > rows as usize;
        users.truncate(rows as usize);
        let next = users.last().filter(|_| has_more).map(AppUserRow::cursor);
        Ok(AppUserPage { users, next })
    }

    pub async fn app_user(&self, account: AccountId, app: AppId, subject: &Subject) -> Result<AppUserRow, StoreError> {
        let row = sqlx::query_as(
            "SELECT id, issuer_id, sub, first_seen_at, last_seen_at, blocked_at, tokens_not_before,
                 coalesce(last_seen_at, to_timestamp(0)) AS listed_at
             FROM app_users WHERE app_id = $1 AND account_id = $2 AND issuer_id = $3 AND sub = $4",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .fetch_one(&self.pool)
        .await?;
        Ok(row)
    }

    /// The plan of the user's last call, if it got so far. `None` when that is not kept any more.
    pub async fn plan_at_last_call(
        &self,
        account: AccountId,
        app: AppId,
        subject: &Subject,
    ) -> Result<Option<Option<PlanId>>, StoreError> {
        let plan: Option<Option<Uuid>> = sqlx::query_scalar(
            "SELECT usage_events.plan_id FROM app_users
             JOIN usage_events ON usage_events.account_id = app_users.account_id
                 AND usage_events.occurred_at = app_users.last_seen_at AND usage_events.app_id = app_users.app_id
                 AND usage_events.issuer_id = app_users.issuer_id AND usage_events.sub = app_users.sub
             WHERE app_users.app_id = $1 AND app_users.account_id = $2 AND app_users.issuer_id = $3 AND app_users.sub = $4
             ORDER BY usage_events.id DESC LIMIT 1",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .fetch_optional(&self.pool)
        .await?;
        Ok(plan.map(|plan| plan.map(PlanId)))
    }

    /// Also one who never called. Blocking twice keeps the first time.
    pub async fn block_app_user(
        &self,
        account: AccountId,
        app: AppId,
        subject: &Subject,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        add_unseen(&mut tx, account, app, subject).await?;
        let changed = sqlx::query(
            "UPDATE app_users SET blocked_at = coalesce(blocked_at, $5)
             WHERE app_id = $1 AND account_id = $2 AND issuer_id = $3 AND sub = $4",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        one_row(changed.rows_affected())?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn unblock_app_user(&self, account: AccountId, app: AppId, subject: &Subject) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE app_users SET blocked_at = NULL
             WHERE app_id = $1 AND account_id = $2 AND issuer_id = $3 AND sub = $4",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .execute(&self.pool)
        .await?;
        one_row(changed.rows_affected())
    }

    /// Whoever holds one of this user's tokens has to get a new one. Never moves the time back.
    pub async fn revoke_tokens_of(
        &self,
        account: AccountId,
        app: AppId,
        subject: &Subject,
        not_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        add_unseen(&mut tx, account, app, subject).await?;
        let changed = sqlx::query(
            "UPDATE app_users SET tokens_not_before = greatest(tokens_not_before, $5)
             WHERE app_id = $1 AND account_id = $2 AND issuer_id = $3 AND sub = $4",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(subject.issuer.0)
        .bind(&subject.sub)
        .bind(not_before)
        .execute(&mut *tx)
        .await?;
        one_row(changed.rows_affected())?;
        tx.commit().await?;
        Ok(())
    }

    /// Every user of the app has to get a new token. Never moves the time back.
    pub async fn revoke_all_tokens(
        &self,
        account: AccountId,
        app: AppId,
        not_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let changed = sqlx::query(
            "UPDATE apps SET policy = jsonb_set(policy, '{tokens_not_before}', to_jsonb(to_char(
                 greatest((policy->>'tokens_not_before')::timestamptz, $3) AT TIME ZONE 'UTC',
                 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')))
             WHERE id = $1 AND account_id = $2",
        )
        .bind(app.0)
        .bind(account.0)
        .bind(not_before)
        .execute(&self.pool)
        .await?;
        one_row(changed.rows_affected())
    }
}

/// The issuer must be one of this app's.
async fn add_unseen(
    connection: &mut PgConnection,
    account: AccountId,
    app: AppId,
    subject: &Subject,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO app_users (id, app_id, account_id, issuer_id, sub)
         SELECT gen_random_uuid(), issuers.app_id, issuers.account_id, issuers.id, $4
         FROM issuers WHERE issuers.id = $3 AND issuers.app_id = $1 AND issuers.account_id = $2
         ON CONFLICT (issuer_id, sub) DO NOTHING",
    )
    .bind(app.0)
    .bind(account.0)
    .bind(subject.issuer.0)
    .bind(&subject.sub)
    .execute(connection)
    .await?;
    Ok(())
}
