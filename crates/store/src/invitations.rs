//! Invitations to an account, by mail. They are counted with the members under the account's lock; one UPDATE consumes a
//! link, however many try at once.

use keyward_domain::ids::{AccountId, InvitationId, MemberId};
use keyward_domain::role::Role;
use sqlx::{FromRow, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::account_members::{add_member, lock_account, stored_role};
use crate::accounts::one_row;
use crate::email_tokens::{TokenHash, spend_verify_links};
use crate::members::set_password;
use crate::{Store, StoreError};

/// Where no tier says less.
pub const MAX_MEMBERS_PER_ACCOUNT: i64 = 500;
/// What `Conflict` names when there is no room for one more.
pub const NO_ROOM_FOR_MEMBERS: &str = "account_members_no_room";
/// What `Conflict` names when that address belongs to the account already.
pub const MEMBER_ALREADY: &str = "account_members_already";
/// What `Conflict` names when that address has an invitation that is open.
pub const INVITED_ALREADY: &str = "invitations_open";
/// What `Conflict` names when somebody who has a password is to choose one.
pub const HAS_PASSWORD: &str = "invitations_has_password";

/// A link as the database knows it.
pub struct InvitationLink {
    pub hash: TokenHash,
    /// With the role that was asked: `NotFound` for one who has another by now, or is gone.
    pub by: (MemberId, Role),
    pub expires_at: OffsetDateTime,
}

pub struct NewInvitation<'a> {
    pub id: InvitationId,
    /// Lower case.
    pub email: &'a str,
    pub role: Role,
    pub link: InvitationLink,
}

/// No `Debug`: the address does not belong in a log.
#[derive(FromRow)]
pub struct InvitationRow {
    pub id: Uuid,
    pub email: String,
    role: String,
    pub expires_at: OffsetDateTime,
}

impl InvitationRow {
    pub fn role(&self) -> Result<Role, StoreError> {
        stored_role(&self.role)
    }
}

/// One whose link can still be used.
#[derive(FromRow)]
pub struct LiveInvitationRow {
    pub account_name: String,
    pub email: String,
    role: String,
    pub invited_by: String,
    pub expires_at: OffsetDateTime,
    /// Whether somebody with that address has a password and has confirmed it.
    pub is_member: bool,
}

impl LiveInvitationRow {
    pub fn role(&self) -> Result<Role, StoreError> {
        stored_role(&self.role)
    }
}

/// Somebody who joins with a password chosen now.
pub struct Joiner<'a> {
    /// Where there is no member of that address yet.
    pub member: MemberId,
    pub password_hash: &'a str,
}

pub struct Joined {
    pub member: MemberId,
    pub account: AccountId,
    pub session_epoch: i32,
}

impl Store {
    /// Open and expired ones, the latest first.
    pub async fn invitations(&self, account: AccountId) -> Result<Vec<InvitationRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT id, email, role, expires_at FROM invitations WHERE account_id = $1 AND used_at IS NULL
             ORDER BY created_at DESC, id DESC",
        );
        Ok(rows.bind(account.0).fetch_all(&self.pool).await?)
    }

    pub async fn invitation(&self, account: AccountId, invitation: InvitationId) -> Result<InvitationRow, StoreError> {
        let row = sqlx::query_as(
            "SELECT id, email, role, expires_at FROM invitations WHERE account_id = $1 AND id = $2 AND used_at IS NULL",
        );
        Ok(row.bind(account.0).bind(invitation.0).fetch_one(&self.pool).await?)
    }

    /// Members, and invitations that are open.
    pub async fn members_and_invited(&self, account: AccountId, now: OffsetDateTime) -> Result<i64, StoreError> {
        count(&mut *self.pool.acquire().await?, account, (InvitationId(Uuid::nil()), now)).await
    }

    /// Where the account has room for `most`, those included that are there. One that has expired makes place for its like.
    pub async fn invite(
        &self,
        account: AccountId,
        new: &NewInvitation<'_>,
        most: i64,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_account(&mut tx, account).await?;
        still_has_role(&mut tx, account, new.link.by).await?;
        let is_member: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM account_members JOIN members ON members.id = member_id
                            WHERE account_id = $1 AND email = $2)",
        )
        .bind(account.0)
        .bind(new.email)
        .fetch_one(&mut *tx)
        .await?;
        if is_member {
            return Err(StoreError::Conflict { constraint: MEMBER_ALREADY.to_owned() });
        }
        sqlx::query(
            "DELETE FROM invitations WHERE account_id = $1 AND email = $2 AND used_at IS NULL AND expires_at <= $3",
        )
        .bind(account.0)
        .bind(new.email)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        insert(&mut tx, account, new, now).await?;
        if count(&mut tx, account, (new.id, now)).await? >= most.min(MAX_MEMBERS_PER_ACCOUNT) {
            return Err(StoreError::Conflict { constraint: NO_ROOM_FOR_MEMBERS.to_owned() });
        }
        tx.commit().await?;
        Ok(())
    }

    /// Another link in place of the one before, for as long again. One that has expired needs room anew.
    pub async fn renew_invitation(
        &self,
        account: AccountId,
        (invitation, link): (InvitationId, &InvitationLink),
        most: i64,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_account(&mut tx, account).await?;
        still_has_role(&mut tx, account, link.by).await?;
        let was_open: bool = sqlx::query_scalar(
            "SELECT expires_at > $3 FROM invitations WHERE account_id = $1 AND id = $2 AND used_at IS NULL FOR UPDATE",
        )
        .bind(account.0)
        .bind(invitation.0)
        .bind(now)
        .fetch_one(&mut *tx)
        .await?;
        let others = count(&mut tx, account, (invitation, now)).await?;
        if !was_open && others >= most.min(MAX_MEMBERS_PER_ACCOUNT) {
            return Err(StoreError::Conflict { constraint: NO_ROOM_FOR_MEMBERS.to_owned() });
        }
        sqlx::query(
            "UPDATE invitations SET token_sha256 = $3, invited_by = $4, expires_at = $5
             WHERE account_id = $1 AND id = $2 AND used_at IS NULL",
        )
        .bind(account.0)
        .bind(invitation.0)
        .bind(link.hash.as_bytes())
        .bind(link.by.0.0)
        .bind(link.expires_at)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn withdraw_invitation(&self, account: AccountId, invitation: InvitationId) -> Result<(), StoreError> {
        let deleted = sqlx::query("DELETE FROM invitations WHERE account_id = $1 AND id = $2 AND used_at IS NULL")
            .bind(account.0)
            .bind(invitation.0)
            .execute(&self.pool)
            .await?;
        one_row(deleted.rows_affected())
    }

    /// `NotFound` for a link that is unknown, used, withdrawn or expired. Consumes nothing.
    pub async fn live_invitation(&self, hash: TokenHash, now: OffsetDateTime) -> Result<LiveInvitationRow, StoreError> {
        let row = sqlx::query_as(
            "SELECT accounts.name AS account_name, invitations.email, role, inviters.email AS invited_by, expires_at,
                 EXISTS (SELECT FROM members WHERE members.email = invitations.email AND verified_at IS NOT NULL) AS is_member
             FROM invitations
             JOIN accounts ON accounts.id = account_id
             JOIN members AS inviters ON inviters.id = invited_by
             WHERE token_sha256 = $1 AND used_at IS NULL AND expires_at > $2",
        );
        Ok(row.bind(hash.as_bytes()).bind(now).fetch_one(&self.pool).await?)
    }

    /// By a member who is signed in; `NotFound` for anybody but who was invited, too.
    pub async fn accept_invitation(
        &self,
        hash: TokenHash,
        member: MemberId,
        now: OffsetDateTime,
    ) -> Result<AccountId, StoreError> {
        let mut tx = self.pool.begin().await?;
        let email: String = sqlx::query_scalar("SELECT email FROM members WHERE id = $1 AND verified_at IS NOT NULL")
            .bind(member.0)
            .fetch_one(&mut *tx)
            .await?;
        let invited = consume(&mut tx, hash, Some(&email), now).await?;
        add_member(&mut tx, (invited.account, member), invited.role, now).await?;
        tx.commit().await?;
        Ok(invited.account)
    }

    /// By somebody without a password that counts. The link proves the address; a sign-up with it that nobody confirmed ends,
    /// with the password that a stranger may have chosen and the account that nobody could use.
    pub async fn join_with_password(
        &self,
        hash: TokenHash,
        joiner: &Joiner<'_>,
        now: OffsetDateTime,
    ) -> Result<Joined, StoreError> {
        let mut tx = self.pool.begin().await?;
        let invited = consume(&mut tx, hash, None, now).await?;
        let known: Option<(Uuid, bool)> =
            sqlx::query_as("SELECT id, verified_at IS NOT NULL FROM members WHERE email = $1 FOR UPDATE")
                .bind(&invited.email)
                .fetch_optional(&mut *tx)
                .await?;
        let (member, session_epoch) = match known {
            Some((_, true)) => return Err(StoreError::Conflict { constraint: HAS_PASSWORD.to_owned() }),
            Some((id, false)) => (MemberId(id), take_over(&mut tx, MemberId(id), joiner.password_hash, now).await?),
            None => (joiner.member, insert_member(&mut tx, &invited.email, joiner, now).await?),
        };
        add_member(&mut tx, (invited.account, member), invited.role, now).await?;
        tx.commit().await?;
        Ok(Joined { member, account: invited.account, session_epoch })
    }

    pub async fn delete_old_invitations(&self, expired_before: OffsetDateTime) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM invitations WHERE expires_at < $1").bind(expired_before);
        Ok(deleted.execute(&self.pool).await?.rows_affected())
    }
}

struct Invited {
    account: AccountId,
    email: String,
    role: Role,
}

/// `email`: of whoever uses the link, where that is known.
async fn consume(
    connection: &mut PgConnection,
    hash: TokenHash,
    email: Option<&str>,
    now: OffsetDateTime,
) -> Result<Invited, StoreError> {
    let (account, email, role): (Uuid, String, String) = sqlx::query_as(
        "UPDATE invitations SET used_at = $2
         WHERE token_sha256 = $1 AND used_at IS NULL AND expires_at > $2 AND email = coalesce($3, email)
         RETURNING account_id, email, role",
    )
    .bind(hash.as_bytes())
    .bind(now)
    .bind(email)
    .fetch_one(connection)
    .await?;
    Ok(Invited { account: AccountId(account), email, role: stored_role(&role)? })
}

/// Under the account's lock, under which roles change.
async fn still_has_role(
    connection: &mut PgConnection,
    account: AccountId,
    (member, role): (MemberId, Role),
) -> Result<(), StoreError> {
    let found: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM account_members WHERE account_id = $1 AND member_id = $2 AND role = $3)",
    )
    .bind(account.0)
    .bind(member.0)
    .bind(role.name())
    .fetch_one(connection)
    .await?;
    if found { Ok(()) } else { Err(StoreError::NotFound) }
}

/// Members, and invitations that are open but for this one.
async fn count(
    connection: &mut PgConnection,
    account: AccountId,
    (but_for, now): (InvitationId, OffsetDateTime),
) -> Result<i64, StoreError> {
    let counted = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM account_members WHERE account_id = $1)
              + (SELECT count(*) FROM invitations
                 WHERE account_id = $1 AND used_at IS NULL AND expires_at > $2 AND id <> $3)",
    );
    Ok(counted.bind(account.0).bind(now).bind(but_for.0).fetch_one(connection).await?)
}

async fn insert(
    connection: &mut PgConnection,
    account: AccountId,
    new: &NewInvitation<'_>,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO invitations (id, account_id, email, role, token_sha256, invited_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(new.id.0)
    .bind(account.0)
    .bind(new.email)
    .bind(new.role.name())
    .bind(new.link.hash.as_bytes())
    .bind(new.link.by.0.0)
    .bind(now)
    .bind(new.link.expires_at)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_member(
    connection: &mut PgConnection,
    email: &str,
    joiner: &Joiner<'_>,
    now: OffsetDateTime,
) -> Result<i32, StoreError> {
    let epoch = sqlx::query_scalar(
        "INSERT INTO members (id, email, password_hash, verified_at, created_at) VALUES ($1, $2, $3, $4, $4)
         RETURNING session_epoch",
    );
    Ok(epoch.bind(joiner.member.0).bind(email).bind(joiner.password_hash).bind(now).fetch_one(connection).await?)
}

/// Of a sign-up that nobody confirmed. Nobody could sign in to its account, so there is nothing in it.
async fn take_over(
    connection: &mut PgConnection,
    member: MemberId,
    password_hash: &str,
    now: OffsetDateTime,
) -> Result<i32, StoreError> {
    let epoch = set_password(&mut *connection, member, password_hash, now).await?;
    sqlx::query("UPDATE members SET verified_at = $2 WHERE id = $1")
        .bind(member.0)
        .bind(now)
        .execute(&mut *connection)
        .await?;
    spend_verify_links(&mut *connection, member, now).await?;
    sqlx::query(
        "DELETE FROM accounts WHERE id IN (SELECT account_id FROM account_members WHERE member_id = $1)
             AND NOT EXISTS (SELECT FROM account_members WHERE account_id = accounts.id AND member_id <> $1)
             AND NOT EXISTS (SELECT FROM apps WHERE account_id = accounts.id)",
    )
    .bind(member.0)
    .execute(connection)
    .await?;
    Ok(epoch)
}
