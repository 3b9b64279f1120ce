//! Dashboard sessions. The id in the cookie is stored as its SHA-256; when a session ends is decided here alone,
//! by idle time and age: the expiry that the cookie layer computes is not asked.

use std::fmt;

use keyward_domain::clock::Clock;
use keyward_domain::ids::{MemberId, SessionId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::FromRow;
use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result as SessionResult};
use uuid::Uuid;

use crate::accounts::one_row;
use crate::{Store, StoreError};

/// A session ends after so long without a request …
pub const IDLE: Duration = Duration::hours(12);
/// … and at this age in any case.
pub const OLDEST: Duration = Duration::days(7);
/// `last_seen_at` is written at most so often.
const TOUCH_EVERY: Duration = Duration::minutes(1);

/// The session values that are columns too.
pub const MEMBER_ID: &str = "member_id";
/// The member's `session_epoch` at the sign-in. A member's session without it does not load.
pub const SESSION_EPOCH: &str = "session_epoch";
pub const USER_AGENT: &str = "user_agent";
const MAX_USER_AGENT_CHARS: usize = 300;

#[derive(Clone, FromRow)]
pub struct SessionRow {
    pub public_id: Uuid,
    pub user_agent: String,
    pub created_at: OffsetDateTime,
    pub last_seen_at: OffsetDateTime,
    pub is_current: bool,
}

impl Store {
    /// Live sessions, the latest used first. `current` is the raw id from the cookie.
    pub async fn sessions_of(
        &self,
        member: MemberId,
        current: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT public_id, user_agent, sessions.created_at, last_seen_at, id_sha256 = $2 AS is_current
             FROM sessions JOIN members ON members.id = member_id AND members.session_epoch = sessions.session_epoch
             WHERE member_id = $1 AND expires_at > $3
             ORDER BY last_seen_at DESC, public_id",
        )
        .bind(member.0)
        .bind(current.map(hash_of_id).unwrap_or_default())
        .bind(now)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    pub async fn revoke_session(&self, member: MemberId, session: SessionId) -> Result<(), StoreError> {
        let deleted = sqlx::query("DELETE FROM sessions WHERE member_id = $1 AND public_id = $2")
            .bind(member.0)
            .bind(session.0)
            .execute(&self.pool)
            .await?;
        one_row(deleted.rows_affected())
    }

    pub async fn delete_expired_sessions(&self, now: OffsetDateTime) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM sessions WHERE expires_at <= $1").bind(now).execute(&self.pool).await?;
        Ok(deleted.rows_affected())
    }
}

fn hash_of_id(id: &str) -> Vec<u8> {
    Sha256::digest(id.as_bytes()).to_vec()
}

/// What the `tower-sessions` layer keeps its sessions in.
#[derive(Clone)]
pub struct PostgresSessionStore {
    store: Store,
    clock: Clock,
}

impl fmt::Debug for PostgresSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresSessionStore")
    }
}

impl PostgresSessionStore {
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// False when the id is taken.
    async fn insert(&self, record: &Record) -> SessionResult<bool> {
        let now = self.clock.now();
        let inserted = sqlx::query(
            "INSERT INTO sessions (id_sha256, data, member_id, public_id, user_agent, created_at, last_seen_at, expires_at,
                 session_epoch)
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)
             ON CONFLICT (id_sha256) DO NOTHING",
        )
        .bind(hash_of_id(&record.id.to_string()))
        .bind(encode(record)?)
        .bind(member_of(record))
        .bind(Uuid::new_v4())
        .bind(user_agent_of(record))
        .bind(now)
        .bind(now + IDLE)
        .bind(epoch_of(record))
        .execute(&self.store.pool)
        .await
        .map_err(backend)?;
        Ok(inserted.rows_affected() == 1)
    }
}

#[async_trait::async_trait]
impl SessionStore for PostgresSessionStore {
    async fn create(&self, record: &mut Record) -> SessionResult<()> {
        while !self.insert(record).await? {
            record.id = Id::default();
        }
        Ok(())
    }

    /// Only an existing session is changed: one that was revoked while a request ran must not come back.
    async fn save(&self, record: &Record) -> SessionResult<()> {
        let now = self.clock.now();
        sqlx::query(
            "UPDATE sessions SET data = $2, member_id = $3, user_agent = $4, last_seen_at = $5,
                 expires_at = least($5 + $6, created_at + $7), session_epoch = $8
             WHERE id_sha256 = $1 AND expires_at > $5",
        )
        .bind(hash_of_id(&record.id.to_string()))
        .bind(encode(record)?)
        .bind(member_of(record))
        .bind(user_agent_of(record))
        .bind(now)
        .bind(interval(IDLE))
        .bind(interval(OLDEST))
        .bind(epoch_of(record))
        .execute(&self.store.pool)
        .await
        .map_err(backend)?;
        Ok(())
    }

    async fn load(&self, id: &Id) -> SessionResult<Option<Record>> {
        let now = self.clock.now();
        let hash = hash_of_id(&id.to_string());
        let found: Option<(Vec<u8>, OffsetDateTime, OffsetDateTime)> = sqlx::query_as(
            "SELECT data, last_seen_at, expires_at
             FROM sessions LEFT JOIN members ON members.id = member_id
             WHERE id_sha256 = $1 AND expires_at > $2
                 AND (member_id IS NULL OR members.session_epoch = sessions.session_epoch)",
        )
        .bind(&hash)
        .bind(now)
        .fetch_optional(&self.store.pool)
        .await
        .map_err(backend)?;
        let Some((data, last_seen_at, expires_at)) = found else { return Ok(None) };
        if now - last_seen_at >= TOUCH_EVERY {
            sqlx::query(
                "UPDATE sessions SET last_seen_at = $2, expires_at = least($2 + $3, created_at + $4) WHERE id_sha256 = $1",
            )
            .bind(&hash)
            .bind(now)
            .bind(interval(IDLE))
            .bind(interval(OLDEST))
            .execute(&self.store.pool)
            .await
            .map_err(backend)?;
        }
        let data = serde_json::from_slice(&data).map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date: expires_at }))
    }

    async fn delete(&self, id: &Id) -> SessionResult<()> {
        sqlx::query("DELETE FROM sessions WHERE id_sha256 = $1")
            .bind(hash_of_id(&id.to_string()))
            .execute(&self.store.pool)
            .await
            .map_err(backend)?;
        Ok(())
    }
}

fn interval(duration: Duration) -> sqlx::postgres::types::PgInterval {
    let microseconds = i64::try_from(duration.whole_microseconds()).expect("session lifetimes are days");
    sqlx::postgres::types::PgInterval { months: 0, days: 0, microseconds }
}

fn backend(error: sqlx::Error) -> Error {
    Error::Backend(StoreError::from(error).to_string())
}

fn encode(record: &Record) -> SessionResult<Vec<u8>> {
    serde_json::to_vec(&record.data).map_err(|error| Error::Encode(error.to_string()))
}

fn member_of(record: &Record) -> Option<Uuid> {
    record.data.get(MEMBER_ID).and_then(Value::as_str).and_then(|text| Uuid::parse_str(text).ok())
}

fn epoch_of(record: &Record) -> Option<i32> {
    record.data.get(SESSION_EPOCH).and_then(Value::as_i64).and_then(|epoch| i32::try_from(epoch).ok())
}

fn user_agent_of(record: &Record) -> String {
    let text = record.data.get(USER_AGENT).and_then(Value::as_str).unwrap_or_default();
    // PostgreSQL can't store NUL in text.
    text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT_CHARS).collect()
}
