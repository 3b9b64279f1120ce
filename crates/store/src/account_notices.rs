//! What an account's owners are told by mail: given once, and each mail kept until it is sent.

use keyward_domain::ids::{AccountId, MemberId};
use keyward_domain::notices::AccountNotice;
use sqlx::FromRow;
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Store, StoreError};

/// A mail that somebody is about to send.
#[derive(FromRow)]
pub struct DueNoticeMail {
    notice_id: Uuid,
    member_id: Uuid,
    account_id: Uuid,
    /// Tries that came to nothing.
    pub failures: i32,
    pub email: String,
    pub account_name: String,
    pub notice: Json<AccountNotice>,
}

impl DueNoticeMail {
    pub fn account(&self) -> AccountId {
        AccountId(self.account_id)
    }

    pub fn member(&self) -> MemberId {
        MemberId(self.member_id)
    }
}

impl Store {
    /// One that is due, for this caller alone until `held_until`. Who is no owner any more gets none, and what is older than
    /// `oldest` is no news.
    pub async fn take_notice_mail(
        &self,
        now: OffsetDateTime,
        held_until: OffsetDateTime,
        oldest: Duration,
    ) -> Result<Option<DueNoticeMail>, StoreError> {
        let mail = sqlx::query_as(
            "WITH due AS (
                 SELECT mails.notice_id, mails.member_id, members.email, accounts.name AS account_name, notice
                 FROM account_notice_mails AS mails
                 JOIN account_notices ON account_notices.id = mails.notice_id
                 JOIN accounts ON accounts.id = mails.account_id
                 JOIN members ON members.id = mails.member_id AND verified_at IS NOT NULL
                 JOIN account_members ON account_members.account_id = mails.account_id
                     AND account_members.member_id = mails.member_id AND role = 'owner'
                 WHERE sent_at IS NULL AND next_try_at <= $1 AND decided_at > $3
                 ORDER BY next_try_at, mails.notice_id, mails.member_id LIMIT 1 FOR UPDATE OF mails SKIP LOCKED)
             UPDATE account_notice_mails AS mails SET next_try_at = $2 FROM due
             WHERE mails.notice_id = due.notice_id AND mails.member_id = due.member_id
             RETURNING mails.notice_id, mails.member_id, mails.account_id, failures, email, account_name, notice",
        )
        .bind(now)
        .bind(held_until)
        .bind(now - oldest)
        .fetch_optional(&self.pool)
        .await?;
        Ok(mail)
    }

    pub async fn notice_mail_sent(&self, mail: &DueNoticeMail, now: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE account_notice_mails SET sent_at = $4 WHERE notice_id = $1 AND member_id = $2 AND account_id = $3",
        )
        .bind(mail.notice_id)
        .bind(mail.member_id)
        .bind(mail.account_id)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn notice_mail_failed(
        &self,
        mail: &DueNoticeMail,
        next_try_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE account_notice_mails SET failures = failures + 1, next_try_at = $4
             WHERE notice_id = $1 AND member_id = $2 AND account_id = $3 AND sent_at IS NULL",
        )
        .bind(mail.notice_id)
        .bind(mail.member_id)
        .bind(mail.account_id)
        .bind(next_try_at)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn delete_old_notices(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM account_notices WHERE decided_at < $1").bind(before);
        Ok(deleted.execute(&self.pool).await?.rows_affected())
    }
}

/// Once in a month for each tier and kind; the account's owners of now, whose address is known to be theirs, get a mail.
pub(crate) async fn give_notice(
    connection: &mut sqlx::PgConnection,
    account: AccountId,
    notice: &AccountNotice,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "WITH given AS (
             INSERT INTO account_notices (id, account_id, month, tier, kind, notice, decided_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ON CONSTRAINT account_notices_once DO NOTHING RETURNING id)
         INSERT INTO account_notice_mails (notice_id, account_id, member_id, next_try_at)
         SELECT given.id, account_id, member_id, $7
         FROM given, account_members JOIN members ON members.id = member_id
         WHERE account_id = $2 AND role = 'owner' AND verified_at IS NOT NULL",
    )
    .bind(Uuid::now_v7())
    .bind(account.0)
    .bind(notice.month())
    .bind(notice.tier.name())
    .bind(notice.kind.name())
    .bind(Json(notice))
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}
