//! The connection pool, the migrations, and what can go wrong.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

/// Handle to the shared Postgres. Cheap to clone; every query is a method in the file of its noun.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("no such row")]
    NotFound,
    #[error("it conflicts with another row ({constraint})")]
    Conflict { constraint: String },
    #[error("the database can't be used now: {0}")]
    Unavailable(#[source] sqlx::Error),
    #[error("a stored value can't be read: {0}")]
    Broken(String),
}

impl StoreError {
    /// Whether the rows themselves were refused: sent again, they would be refused again. Anything that is not surely
    /// so (no connection, no space, another schema) may pass.
    pub fn is_about_the_rows(&self) -> bool {
        match self {
            Self::Conflict { .. } | Self::Broken(_) => true,
            Self::NotFound => false,
            Self::Unavailable(sqlx::Error::Encode(_)) => true,
            // Data exceptions, broken constraints without a name, and limits of the program (PostgreSQL, appendix A).
            Self::Unavailable(error) => error
                .as_database_error()
                .and_then(|database| database.code())
                .is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class))),
        }
    }

    /// The database answered, and has not what was asked for: no such table (class 42), or no such database (3D).
    pub fn is_about_the_schema(&self) -> bool {
        match self {
            Self::NotFound | Self::Conflict { .. } | Self::Broken(_) => true,
            Self::Unavailable(error) => error
                .as_database_error()
                .and_then(|database| database.code())
                .is_some_and(|code| ["42", "3D"].iter().any(|class| code.starts_with(class))),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::RowNotFound = error {
            return Self::NotFound;
        }
        let constraint = error.as_database_error().and_then(|db| db.constraint());
        match constraint {
            Some(name) => Self::Conflict { constraint: name.to_owned() },
            None => Self::Unavailable(error),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        // serde_json quotes a piece of the input; columns that hold JSON hold no secret.
        Self::Broken(error.to_string())
    }
}

impl Store {
    /// Opens the pool without connecting: the first query does, and waits at most 5 s for it.
    pub fn connect_lazy(url: &str, max_connections: u32) -> Result<Self, ConnectError> {
        let options: PgConnectOptions = url.parse().map_err(|_| ConnectError)?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// One round trip.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Brings the schema up to date; safe to call from several processes at once.
    pub async fn migrate(&self) -> Result<(), sqlx::migrate::MigrateError> {
        sqlx::migrate!("../../migrations").run(&self.pool).await
    }

    /// Whether the schema is the one this program was built for (or newer).
    pub async fn schema_is_ready(&self) -> Result<bool, StoreError> {
        let wanted = sqlx::migrate!("../../migrations").iter().map(|m| m.version).max();
        let applied: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(&self.pool).await?;
        Ok(applied >= wanted)
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The address itself is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("is not a PostgreSQL address; it looks like postgres://name:password@host:5432/database")]
pub struct ConnectError;
