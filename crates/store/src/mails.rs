//! Messages kept instead of sent, in development.

use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Store, StoreError};

#[derive(FromRow)]
pub struct DevMailRow {
    pub recipient: String,
    pub subject: String,
    pub body: String,
    pub created_at: OffsetDateTime,
}

impl Store {
    pub async fn keep_mail(&self, mail: &DevMailRow) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO dev_mails (id, recipient, subject, body, created_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(Uuid::now_v7())
            .bind(&mail.recipient)
            .bind(&mail.subject)
            .bind(&mail.body)
            .bind(mail.created_at)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The latest first.
    pub async fn kept_mails(&self) -> Result<Vec<DevMailRow>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT recipient, subject, body, created_at FROM dev_mails ORDER BY created_at DESC, id DESC LIMIT 100",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
