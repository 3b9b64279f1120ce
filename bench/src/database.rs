//! A fresh database of PostgreSQL for a run, with the current schema.

use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use keyward_store::Store;

pub struct Database {
    pub url: String,
}

impl Database {
    /// `server_url` names a database of a server on which others may be made; what had this name is thrown away.
    pub async fn create(server_url: &str, name: &str) -> anyhow::Result<Self> {
        run(server_url, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE);"))?;
        run(server_url, &format!("CREATE DATABASE {name};"))?;
        let (server, _) = server_url.rsplit_once('/').context("the address of PostgreSQL names no database")?;
        let database = Self { url: format!("{server}/{name}") };
        let store = Store::connect_lazy(&database.url, 1)?;
        store.migrate().await?;
        store.close().await;
        Ok(database)
    }

    pub fn execute(&self, sql: &str) -> anyhow::Result<()> {
        run(&self.url, sql)
    }
}

fn run(url: &str, sql: &str) -> anyhow::Result<()> {
    let mut psql = Command::new("psql")
        .args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .context("psql can't be started")?;
    psql.stdin.take().context("psql reads nothing")?.write_all(sql.as_bytes())?;
    ensure!(psql.wait()?.success(), "PostgreSQL refused a statement");
    Ok(())
}
