//! Members: who can sign in. Also the one transaction in which a member, an account and the membership come to be.

use keyward_domain::ids::{AccountId, MemberId};
use keyward_domain::role::Role;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::account_members::{add_member, stored_role};
use crate::email_tokens::{NewEmailToken, spend_verify_links};
use crate::{Store, StoreError};

/// No `Debug`: the address and the hash don't belong in a log.
#[derive(Clone, FromRow)]
pub struct MemberRow {
    pub id: Uuid,
    pub email: String,
    pub password_hash: String,
    pub verified_at: Option<OffsetDateTime>,
    /// Goes with `password_hash`: a session begun on that password says it.
    pub session_epoch: i32,
}

/// What `Conflict` names when the password was changed since it was checked.
pub const PASSWORD_CHANGED: &str = "members_password_changed_meanwhile";

impl MemberRow {
    pub fn member_id(&self) -> MemberId {
        MemberId(self.id)
    }
}

pub struct NewMember {
    pub member: MemberId,
    pub account: AccountId,
    /// Lower case.
    pub email: String,
    pub password_hash: String,
    pub account_name: String,
    pub wrapped_data_key: Vec<u8>,
}

/// The account a member works in, with the right to do so.
#[derive(Clone, Copy, Debug)]
pub struct Membership {
    pub account: AccountId,
    pub role: Role,
}

/// What came of a sign-up; only the mail that follows may tell the two apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedUp {
    New(MemberId),
    /// The address was known already; the token was issued to its member.
    Known(MemberId),
}

impl SignedUp {
    fn member(self) -> MemberId {
        match self {
            Self::New(member) | Self::Known(member) => member,
        }
    }
}

impl Store {
    pub async fn member_by_email(&self, email: &str) -> Result<Option<MemberRow>, StoreError> {
        let row =
            sqlx::query_as("SELECT id, email, password_hash, verified_at, session_epoch FROM members WHERE email = $1")
                .bind(email)
                .fetch_optional(&self.pool)
                .await?;
        Ok(row)
    }

    pub async fn member(&self, member: MemberId) -> Result<MemberRow, StoreError> {
        let row =
            sqlx::query_as("SELECT id, email, password_hash, verified_at, session_epoch FROM members WHERE id = $1")
                .bind(member.0)
                .fetch_one(&self.pool)
                .await?;
        Ok(row)
    }

    /// Account with its data key, member, ownership and the token of the mail that follows: all or nothing.
    /// For a known address the same statements run and come to nothing, so that the time tells no one which it was;
    /// the token then goes to the member who has the address. `token` makes the row for whichever member it is.
    pub async fn sign_up(
        &self,
        new: &NewMember,
        token: impl Fn(SignedUp) -> NewEmailToken,
        now: OffsetDateTime,
    ) -> Result<SignedUp, StoreError> {
        let mut tx = self.pool.begin().await?;
        let known: Option<Uuid> = sqlx::query_scalar("SELECT id FROM members WHERE email = $1")
            .bind(&new.email)
            .fetch_optional(&mut *tx)
            .await?;
        let unused_email = format!("{}@known.invalid", new.member);
        let email = if known.is_some() { unused_email.as_str() } else { new.email.as_str() };
        sqlx::query("SAVEPOINT nobody_yet").execute(&mut *tx).await?;
        insert_owner(&mut tx, new, email, now).await?;
        let outcome = match known {
            Some(id) => {
                sqlx::query("ROLLBACK TO SAVEPOINT nobody_yet").execute(&mut *tx).await?;
                SignedUp::Known(MemberId(id))
            }
            None => {
                sqlx::query("RELEASE SAVEPOINT nobody_yet").execute(&mut *tx).await?;
                SignedUp::New(new.member)
            }
        };
        token(outcome).insert(&mut tx, outcome.member()).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// Members who signed up before this and never confirmed, with the accounts that were only theirs. Whoever still has
    /// a link that works keeps their chance.
    pub async fn delete_unconfirmed_members(
        &self,
        signed_up_before: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<u64, StoreError> {
        let deleted = sqlx::query(
            "WITH gone AS (
                 DELETE FROM members
                 WHERE verified_at IS NULL AND created_at < $1 AND NOT EXISTS (
                     SELECT 1 FROM email_tokens
                     WHERE email_tokens.member_id = members.id AND used_at IS NULL AND expires_at > $2)
                 RETURNING id)
             DELETE FROM accounts
             WHERE EXISTS (SELECT 1 FROM account_members JOIN gone ON gone.id = member_id WHERE account_id = accounts.id)
                 AND NOT EXISTS (
                     SELECT 1 FROM account_members
                     WHERE account_id = accounts.id AND member_id NOT IN (SELECT id FROM gone))",
        )
        .bind(signed_up_before)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected())
    }

    /// The account in which a verified member begins: the one joined first.
    pub async fn membership(&self, member: MemberId) -> Result<Membership, StoreError> {
        let (account, role): (Uuid, String) = sqlx::query_as(
            "SELECT account_members.account_id, account_members.role
             FROM account_members
             JOIN members ON members.id = account_members.member_id
             JOIN accounts ON accounts.id = account_members.account_id
             WHERE account_members.member_id = $1 AND members.verified_at IS NOT NULL
             ORDER BY account_members.joined_at, accounts.id
             LIMIT 1",
        )
        .bind(member.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(Membership { account: AccountId(account), role: stored_role(&role)? })
    }

    /// Every session ends with the old password, and so do the links that are still out. `old_hash` is what the caller
    /// checked: of two changes at once the second is a `Conflict`. Returns the epoch of the sessions to come.
    pub async fn change_password(
        &self,
        member: MemberId,
        old_hash: &str,
        password_hash: &str,
        now: OffsetDateTime,
    ) -> Result<i32, StoreError> {
        let mut tx = self.pool.begin().await?;
        let current: String = sqlx::query_scalar("SELECT password_hash FROM members WHERE id = $1 FOR UPDATE")
            .bind(member.0)
            .fetch_one(&mut *tx)
            .await?;
        if current != old_hash {
            return Err(StoreError::Conflict { constraint: PASSWORD_CHANGED.to_owned() });
        }
        let epoch = set_password(&mut tx, member, password_hash, now).await?;
        tx.commit().await?;
        Ok(epoch)
    }
}

pub(crate) async fn set_password(
    connection: &mut sqlx::PgConnection,
    member: MemberId,
    password_hash: &str,
    now: OffsetDateTime,
) -> Result<i32, StoreError> {
    let epoch = sqlx::query_scalar(
        "UPDATE members SET password_hash = $2, session_epoch = session_epoch + 1 WHERE id = $1 RETURNING session_epoch",
    )
    .bind(member.0)
    .bind(password_hash)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM sessions WHERE member_id = $1").bind(member.0).execute(&mut *connection).await?;
    sqlx::query("DELETE FROM email_tokens WHERE member_id = $1 AND purpose = 'reset' AND used_at IS NULL")
        .bind(member.0)
        .execute(&mut *connection)
        .await?;
    spend_verify_links(connection, member, now).await?;
    Ok(epoch)
}

async fn insert_owner(
    connection: &mut sqlx::PgConnection,
    new: &NewMember,
    email: &str,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO accounts (id, name, wrapped_data_key, created_at) VALUES ($1, $2, $3, $4)")
        .bind(new.account.0)
        .bind(&new.account_name)
        .bind(&new.wrapped_data_key)
        .bind(now)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO members (id, email, password_hash, verified_at, created_at) VALUES ($1, $2, $3, NULL, $4)",
    )
    .bind(new.member.0)
    .bind(email)
    .bind(&new.password_hash)
    .bind(now)
    .execute(&mut *connection)
    .await?;
    add_member(connection, (new.account, new.member), Role::Owner, now).await
}
