//! Exponential back-off of attempts, per subject (an account, a network). Attempts are counted before they are
//! carried out, so that many at once don't slip past the count. Every block ends; none is for ever.

use time::{Duration, OffsetDateTime};

use crate::{Store, StoreError};

/// How many attempts are free, and how the wait grows after them: 1 s, 2 s, 4 s … up to `longest_wait`.
#[derive(Clone, Copy, Debug)]
pub struct BackoffPolicy {
    pub free_attempts: i32,
    pub longest_wait: Duration,
    /// After so long without an attempt all is forgotten.
    pub forgotten_after: Duration,
}

/// Whether an attempt may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    Allowed,
    Blocked { retry_after_secs: u64 },
}

impl Store {
    /// Counts an attempt, or says how long to wait. A blocked attempt isn't counted: waiting helps.
    pub async fn begin_attempt(
        &self,
        subject: &str,
        policy: BackoffPolicy,
        now: OffsetDateTime,
    ) -> Result<Attempt, StoreError> {
        let counted: Option<i32> = sqlx::query_scalar(
            "INSERT INTO attempt_backoffs AS held (subject, failures, blocked_until, updated_at)
             VALUES ($1, 1, CASE WHEN $2 > 0 THEN $3 ELSE $3 + interval '1 second' END, $3)
             ON CONFLICT (subject) DO UPDATE SET
                 failures = CASE WHEN held.updated_at <= $5 THEN 1 ELSE held.failures + 1 END,
                 blocked_until = CASE
                     WHEN held.updated_at <= $5 OR held.failures < $2 THEN $3
                     ELSE $3 + make_interval(secs => least($4, power(2, least(held.failures - $2, 30)))::double precision)
                 END,
                 updated_at = $3
             WHERE held.blocked_until <= $3
             RETURNING failures",
        )
        .bind(subject)
        .bind(policy.free_attempts)
        .bind(now)
        .bind(policy.longest_wait.as_seconds_f64())
        .bind(now - policy.forgotten_after)
        .fetch_optional(&self.pool)
        .await?;
        if counted.is_some() {
            return Ok(Attempt::Allowed);
        }
        self.wait_left(subject, now).await
    }

    async fn wait_left(&self, subject: &str, now: OffsetDateTime) -> Result<Attempt, StoreError> {
        let blocked_until: Option<OffsetDateTime> =
            sqlx::query_scalar("SELECT blocked_until FROM attempt_backoffs WHERE subject = $1")
                .bind(subject)
                .fetch_optional(&self.pool)
                .await?;
        let left = blocked_until.map_or(Duration::ZERO, |until| until - now);
        // Rounded up: whoever waits so long must not be turned away again. It was blocked a moment ago, so one at least.
        let whole_secs = (left + Duration::SECOND - Duration::NANOSECOND).whole_seconds().max(1);
        let retry_after_secs = u64::try_from(whole_secs).unwrap_or(1);
        Ok(Attempt::Blocked { retry_after_secs })
    }

    /// The attempt succeeded: it no longer counts.
    pub async fn forgive_attempt(&self, subject: &str, now: OffsetDateTime) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE attempt_backoffs SET failures = greatest(failures - 1, 0), blocked_until = $2 WHERE subject = $1",
        )
        .bind(subject)
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    pub async fn clear_backoff(&self, subject: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM attempt_backoffs WHERE subject = $1").bind(subject).execute(&self.pool).await?;
        Ok(())
    }

    pub async fn delete_old_backoffs(&self, before: OffsetDateTime) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM attempt_backoffs WHERE updated_at < $1 AND blocked_until < $1")
            .bind(before)
            .execute(&self.pool)
            .await?;
        Ok(deleted.rows_affected())
    }
}
