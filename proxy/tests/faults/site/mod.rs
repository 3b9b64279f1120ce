//! Everything that runs: two edges on one Postgres and one Redis, and the emulator as issuer and provider.

mod doors;
mod node;
mod planting;
mod postgres;
mod redis;
mod signals;

use std::path::PathBuf;
use std::time::Duration;

use keyward_store::testing::TestDatabase;
use reqwest::{Client, ClientBuilder};
use serde_json::json;

use crate::harness::process::{Process, emulator_program};
use crate::harness::{KEK, PROVIDER_KEY};
use crate::settings::Settings;

pub use doors::{Clients, Door, Line, Papers, Version};
pub use node::{Held, Node, files_below, metric, metric_falls_to};
pub use planting::{LIMITS, Notice, Proxies, block, cost_micro_usd};
pub use postgres::Postgres;
pub use redis::Redis;

pub struct Site {
    pub database: TestDatabase,
    pub postgres: Postgres,
    pub redis: Redis,
    pub nodes: [Node; 2],
    pub proxies: Proxies,
    pub papers: Papers,
    /// Its address.
    pub emulator: String,
    /// Speaks with the emulator, and with the edges as their operator.
    pub client: Client,
    /// What the edges' clocks add, where they can be set.
    pub clock: Option<PathBuf>,
    _emulator: Process,
}

impl Site {
    pub async fn start(settings: &Settings) -> Self {
        let database = TestDatabase::create().await;
        let postgres = Postgres::of(&database, settings.postgres.clone()).await;
        let redis = Redis::start(settings.scratch.join("redis")).await;
        let (emulator_process, emulator) = start_emulator().await;
        let proxies = Proxies::plant(&database, &emulator).await;
        let clock = settings.faketime.is_some().then(|| settings.scratch.join("clock"));
        if let Some(clock) = &clock {
            std::fs::write(clock, "+0s\n").expect("the scratch folder can be written to");
        }
        let papers = Papers::make(&settings.scratch);
        let nodes = [("a", Door::Clear), ("b", Door::Tls)].map(|(name, door)| {
            let data = settings.small_disks.as_ref().unwrap_or(&settings.scratch).join(name);
            std::fs::create_dir_all(&data).expect("the folder can be made");
            let mut env = edge_env(&database.url(), &redis.url(), &emulator);
            env.push(("KEYWARD_EDGE_DATA_DIR", data.join("edge").display().to_string()));
            if let (Some(library), Some(clock)) = (&settings.faketime, &clock) {
                env.extend(faked_clock(library.display().to_string(), clock.display().to_string()));
            }
            match door {
                Door::Clear => {}
                Door::Tls => env.extend([
                    ("KEYWARD_TLS_CERT", papers.certificate.clone()),
                    ("KEYWARD_TLS_KEY", papers.key.clone()),
                ]),
            }
            Node::new(env, data, door)
        });
        for node in &nodes {
            node.start().await;
        }
        let client = client(Duration::from_secs(20));
        Self { database, postgres, redis, nodes, proxies, papers, emulator, client, clock, _emulator: emulator_process }
    }
}

async fn start_emulator() -> (Process, String) {
    let env = [("KEYWARD_EMULATOR_ADDR", "127.0.0.1:0"), ("KEYWARD_EMULATOR_KEY", PROVIDER_KEY), ("RUST_LOG", "warn")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut process = Process::spawn(&emulator_program(), &env);
    let line = process.line_with("listening on http://").await;
    let address = line[line.find("http://").expect("just found")..].trim().to_owned();
    (process, address)
}

/// For so long an edge that was asked to stop serves on as if nothing had been.
pub const LAME_DUCK: Duration = Duration::from_secs(1);

/// Short times, so that what waits for them ends within a round.
fn edge_env(database: &str, redis: &str, emulator: &str) -> Vec<(&'static str, String)> {
    let overrides = json!({"https://firebaseappcheck.googleapis.com/v1/jwks": format!("{emulator}/v1/jwks")});
    vec![
        ("DATABASE_URL", database.to_owned()),
        ("REDIS_URL", redis.to_owned()),
        ("KEYWARD_KEY_ENCRYPTION_KEY", KEK.to_owned()),
        ("KEYWARD_MODE", "development".to_owned()),
        ("KEYWARD_EDGE_ADDR", "127.0.0.1:0".to_owned()),
        ("KEYWARD_OPS_ADDR", "127.0.0.1:0".to_owned()),
        ("KEYWARD_EDGE_NODES", "2".to_owned()),
        ("KEYWARD_LOG", "info,keyward_proxy=debug,keyward_store=debug,keyward_identity=debug".to_owned()),
        ("KEYWARD_CONNECTIONS_PER_ADDRESS", "5000".to_owned()),
        ("KEYWARD_CONNECT_TIMEOUT_SECS", "2".to_owned()),
        ("KEYWARD_FIRST_BYTE_TIMEOUT_SECS", "4".to_owned()),
        ("KEYWARD_STREAM_IDLE_TIMEOUT_SECS", "4".to_owned()),
        ("KEYWARD_BODY_IDLE_TIMEOUT_SECS", "4".to_owned()),
        ("KEYWARD_WRITE_STALL_TIMEOUT_SECS", "3".to_owned()),
        ("KEYWARD_HEAD_READ_TIMEOUT_SECS", "5".to_owned()),
        ("KEYWARD_LAME_DUCK_SECS", LAME_DUCK.as_secs().to_string()),
        ("KEYWARD_SHUTDOWN_GRACE_SECS", "2".to_owned()),
        ("KEYWARD_JWKS_OVERRIDES", overrides.to_string()),
    ]
}

/// Only the wall clock: timers go on as they should.
fn faked_clock(library: String, clock: String) -> [(&'static str, String); 4] {
    [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", clock),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]
}

/// Keeps its connections; when it is dropped, they end.
pub fn client(patience: Duration) -> Client {
    client_builder(patience).build().expect("a client")
}

#[expect(clippy::disallowed_methods, reason = "a test calls the edges and the emulator, which are on this machine")]
fn client_builder(patience: Duration) -> ClientBuilder {
    let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    builder.timeout(patience).pool_idle_timeout(Duration::from_secs(2))
}
