//! A fresh database for each test, on the server that `KEYWARD_TEST_DATABASE_URL` names (`make test` starts one).

use sqlx::{Connection, PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::Store;

pub struct TestDatabase {
    server_url: String,
    name: String,
    store: Store,
}

impl TestDatabase {
    /// An empty database with the current schema.
    #[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
    pub async fn create() -> Self {
        let server_url = std::env::var("KEYWARD_TEST_DATABASE_URL").expect(
            "KEYWARD_TEST_DATABASE_URL must name a PostgreSQL superuser connection for tests; `make test` sets it, or: eval \"$(scripts/postgres.sh env)\"",
        );
        let name = format!("keyward_test_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&server_url).await.expect("the test PostgreSQL is running");
        sqlx::query(&format!("CREATE DATABASE {name}")).execute(&mut admin).await.expect("a database can be made");
        let store = Store::connect_lazy(&with_database(&server_url, &name), 8).expect("the address was just used");
        store.migrate().await.expect("the migrations apply to an empty database");
        Self { server_url, name, store }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn url(&self) -> String {
        with_database(&self.server_url, &self.name)
    }

    /// Runs SQL as the owner, for arranging and inspecting what no method offers.
    pub async fn execute(&self, sql: &str) -> u64 {
        sqlx::raw_sql(sql).execute(&self.store.pool).await.expect("the test's SQL is right").rows_affected()
    }

    /// The same, left open.
    pub async fn begin(&self, sql: &str) -> Transaction<'static, Postgres> {
        let mut tx = self.store.pool.begin().await.expect("a transaction begins");
        sqlx::raw_sql(sql).execute(&mut *tx).await.expect("the test's SQL is right");
        tx
    }

    pub async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.store.pool).await.expect("the test's SQL is right")
    }

    pub async fn text(&self, sql: &str) -> String {
        sqlx::query_scalar(sql).fetch_one(&self.store.pool).await.expect("the test's SQL is right")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (url, name) = (self.server_url.clone(), self.name.clone());
        // The test's runtime may be gone by now, so the clean-up has one of its own.
        let cleanup = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(async move {
                if let Ok(mut admin) = PgConnection::connect(&url).await {
                    let _ =
                        sqlx::query(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).execute(&mut admin).await;
                }
            });
        });
        let _ = cleanup.join();
    }
}

fn with_database(server_url: &str, name: &str) -> String {
    let (base, query) = server_url.split_once('?').map_or((server_url, None), |(base, query)| (base, Some(query)));
    let scheme_end = base.find("://").map_or(0, |at| at + 3);
    let host_end = base[scheme_end..].find('/').map_or(base.len(), |at| scheme_end + at);
    let url = format!("{}/{name}", &base[..host_end]);
    query.map_or(url.clone(), |query| format!("{url}?{query}"))
}
