//! Accounts: the tenants that own everything else.

use keyward_domain::ids::AccountId;

use crate::{Store, StoreError};

impl Store {
    pub async fn account_name(&self, account: AccountId) -> Result<String, StoreError> {
        let name =
            sqlx::query_scalar("SELECT name FROM accounts WHERE id = $1").bind(account.0).fetch_one(&self.pool).await?;
        Ok(name)
    }

    pub async fn rename_account(&self, account: AccountId, name: &str) -> Result<(), StoreError> {
        let changed = sqlx::query("UPDATE accounts SET name = $2 WHERE id = $1")
            .bind(account.0)
            .bind(name)
            .execute(&self.pool)
            .await?;
        one_row(changed.rows_affected())
    }

    /// For `KeyRing::open_data_key`.
    pub async fn wrapped_data_key(&self, account: AccountId) -> Result<Vec<u8>, StoreError> {
        let wrapped = sqlx::query_scalar("SELECT wrapped_data_key FROM accounts WHERE id = $1")
            .bind(account.0)
            .fetch_one(&self.pool)
            .await?;
        Ok(wrapped)
    }
}

/// A change that met no row met somebody else's row, or none: the caller can't tell, and must not.
pub(crate) fn one_row(rows_affected: u64) -> Result<(), StoreError> {
    if rows_affected == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}
