//! Links sent by e-mail. Only the SHA-256 of a token is here; one UPDATE consumes it, however many try at once.

use keyward_domain::ids::MemberId;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::members::set_password;
use crate::{Store, StoreError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPurpose {
    /// Confirms an address.
    Verify,
    /// Sets a new password.
    Reset,
}

impl TokenPurpose {
    fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
        }
    }
}

/// What came of opening a confirmation link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    Verified(MemberId),
    AlreadyVerified,
}

/// A token as the database knows it.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// 256 random bits need no salt and no slow hash.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

pub struct NewEmailToken {
    pub hash: TokenHash,
    pub purpose: TokenPurpose,
    pub expires_at: OffsetDateTime,
}

impl NewEmailToken {
    pub(crate) async fn insert(&self, connection: &mut sqlx::PgConnection, member: MemberId) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO email_tokens (token_sha256, member_id, purpose, expires_at) VALUES ($1, $2, $3, $4)")
            .bind(self.hash.0.as_slice())
            .bind(member.0)
            .bind(self.purpose.name())
            .bind(self.expires_at)
            .execute(connection)
            .await?;
        Ok(())
    }
}

impl Store {
    pub async fn add_email_token(&self, member: MemberId, token: &NewEmailToken) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        token.insert(&mut connection, member).await
    }

    /// The address of the member whose token this is, if it can still be used. Consumes nothing: it saves the work of
    /// hashing a password for a token that is worth nothing.
    pub async fn email_of_live_token(
        &self,
        hash: TokenHash,
        purpose: TokenPurpose,
        now: OffsetDateTime,
    ) -> Result<String, StoreError> {
        let email = sqlx::query_scalar(
            "SELECT members.email FROM email_tokens JOIN members ON members.id = email_tokens.member_id
             WHERE token_sha256 = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3",
        )
        .bind(hash.0.as_slice())
        .bind(purpose.name())
        .bind(now)
        .fetch_one(&self.pool)
        .await?;
        Ok(email)
    }

    /// `NotFound` for a token that is unknown, used or expired; which of them is nobody's business. Once a member is
    /// verified none of their verify links does anything, but each still says so to whoever has it.
    pub async fn verify_with_token(&self, hash: TokenHash, now: OffsetDateTime) -> Result<Verification, StoreError> {
        let mut tx = self.pool.begin().await?;
        if lock_holder(&mut tx, hash, TokenPurpose::Verify).await?.is_some() {
            return Ok(Verification::AlreadyVerified);
        }
        let member = consume(&mut tx, hash, TokenPurpose::Verify, now).await?;
        mark_verified(&mut tx, member, now).await?;
        spend_verify_links(&mut tx, member, now).await?;
        tx.commit().await?;
        Ok(Verification::Verified(member))
    }

    /// Sets the password, ends every session, and confirms the address, which the link has just proved.
    pub async fn reset_password_with_token(
        &self,
        hash: TokenHash,
        password_hash: &str,
        now: OffsetDateTime,
    ) -> Result<MemberId, StoreError> {
        let mut tx = self.pool.begin().await?;
        lock_holder(&mut tx, hash, TokenPurpose::Reset).await?;
        let member = consume(&mut tx, hash, TokenPurpose::Reset, now).await?;
        set_password(&mut tx, member, password_hash, now).await?;
        mark_verified(&mut tx, member, now).await?;
        tx.commit().await?;
        Ok(member)
    }

    pub async fn delete_expired_email_tokens(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let deleted =
            sqlx::query("DELETE FROM email_tokens WHERE expires_at <= $1").bind(now).execute(&self.pool).await?;
        Ok(deleted.rows_affected())
    }
}

/// The member's row before any token's: two links of one member used at once must not wait for each other.
/// Returns since when the member is verified.
async fn lock_holder(
    connection: &mut sqlx::PgConnection,
    hash: TokenHash,
    purpose: TokenPurpose,
) -> Result<Option<OffsetDateTime>, StoreError> {
    let verified_at = sqlx::query_scalar(
        "SELECT members.verified_at FROM members JOIN email_tokens ON email_tokens.member_id = members.id
         WHERE token_sha256 = $1 AND purpose = $2 FOR UPDATE OF members",
    )
    .bind(hash.0.as_slice())
    .bind(purpose.name())
    .fetch_one(connection)
    .await?;
    Ok(verified_at)
}

/// A confirmation link confirms one sign-up once: an older one must not confirm for a password that came later.
pub(crate) async fn spend_verify_links(
    connection: &mut sqlx::PgConnection,
    member: MemberId,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE email_tokens SET used_at = $2 WHERE member_id = $1 AND purpose = 'verify' AND used_at IS NULL")
        .bind(member.0)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}

async fn consume(
    connection: &mut sqlx::PgConnection,
    hash: TokenHash,
    purpose: TokenPurpose,
    now: OffsetDateTime,
) -> Result<MemberId, StoreError> {
    let member: Uuid = sqlx::query_scalar(
        "UPDATE email_tokens SET used_at = $3
         WHERE token_sha256 = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
         RETURNING member_id",
    )
    .bind(hash.0.as_slice())
    .bind(purpose.name())
    .bind(now)
    .fetch_one(connection)
    .await?;
    Ok(MemberId(member))
}

async fn mark_verified(
    connection: &mut sqlx::PgConnection,
    member: MemberId,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE members SET verified_at = $2 WHERE id = $1 AND verified_at IS NULL")
        .bind(member.0)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}
