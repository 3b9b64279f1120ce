//! Measures the ledger: scripts/ledger-rate.sh. Prints, and asserts only that every event was written once or counted as lost.

use std::time::Duration;

use keyward_domain::ids::{AccountId, AppId, IssuerId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::usage::{TokenCounts, UsageEvent};
use keyward_store::testing::TestDatabase;
use time::OffsetDateTime;
use tokio::time::{Instant, interval, sleep};
use uuid::Uuid;

use crate::metrics::Metrics;
use crate::usage::{UsageLedger, UsageSettings};
use crate::usage_journal::FILE;
use crate::usage_queue::tests::event;

const PROXIES: u128 = 20;
const USERS: usize = 2_000;
const MODELS: [&str; 3] = ["gpt-4o-mini", "gpt-4o", "o4-mini"];
const WANTED_PER_SEC: usize = 20_000;
const TICKS_PER_SEC: usize = 200;
const SECS: usize = 20;

fn numbered(number: usize, now: OffsetDateTime) -> UsageEvent {
    UsageEvent {
        account: AccountId(Uuid::from_u128(1)),
        app: AppId(Uuid::from_u128(2)),
        proxy: ProxyId(Uuid::from_u128(100 + number as u128 % PROXIES)),
        subject: Some(Subject { issuer: IssuerId(Uuid::from_u128(3)), sub: format!("user-{}", number * 7 % USERS) }),
        occurred_at: now,
        endpoint: Some("/v1/chat/completions".to_owned()),
        model: Some(MODELS[number % MODELS.len()].to_owned()),
        tokens: Some(TokenCounts { input: 100, output: 20, ..TokenCounts::default() }),
        cost_micro_usd: Some(27),
        request_bytes: 500,
        response_bytes: 1_000,
        first_byte_ms: Some(200),
        ..event()
    }
}

async fn planted() -> TestDatabase {
    let database = TestDatabase::create().await;
    let [account, app, issuer] = [1, 2, 3].map(Uuid::from_u128);
    let proxies: String = (0..PROXIES)
        .map(|number| {
            format!(
                "INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules,
                     allowed_origins, created_at, updated_at)
                 VALUES ('{}', '{app}', '{account}', 'slug{number}', 'P', 'openai', 'https://api.openai.com', '{{}}', true,
                     '[]', '{{}}', now(), now());",
                Uuid::from_u128(100 + number)
            )
        })
        .collect();
    database
        .execute(&format!(
            "INSERT INTO accounts (id, name, wrapped_data_key, created_at) VALUES ('{account}', 'A', '', now());
             INSERT INTO apps (id, account_id, name, created_at) VALUES ('{app}', '{account}', 'A', now());
             INSERT INTO issuers (id, app_id, account_id, config, created_at, updated_at)
             VALUES ('{issuer}', '{app}', '{account}', '{{}}', now(), now());
             {proxies}"
        ))
        .await;
    database
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: scripts/ledger-rate.sh"]
#[expect(clippy::disallowed_methods, reason = "partitions are of the real day")]
async fn ledger_rate() {
    let (database, now) = (planted().await, OffsetDateTime::now_utc());
    database.store().keep_usage(now).await.expect("days are made");
    let folder = std::env::temp_dir().join(format!("keyward-rate-{}", Uuid::new_v4()));
    std::fs::create_dir_all(&folder).expect("made");
    let settings = UsageSettings {
        file: Some(folder.join(FILE)),
        disk_bytes: 1 << 30,
        queue_events: 50_000,
        last_tries: Duration::from_secs(60),
    };
    let metrics = Metrics::new().expect("metrics");
    let (queue, ledger) =
        UsageLedger::start(settings, database.store().clone(), metrics.clone(), now).await.expect("started");

    let (mut ticks, mut made, mut most_waiting) = (interval(Duration::from_secs(1) / TICKS_PER_SEC as u32), 0, 0);
    let began = Instant::now();
    while made < WANTED_PER_SEC * SECS {
        ticks.tick().await;
        for _ in 0..WANTED_PER_SEC / TICKS_PER_SEC {
            queue.push(numbered(made, now));
            made += 1;
        }
        most_waiting = most_waiting.max(metrics.usage_queue_events.get());
    }
    let pushed = began.elapsed();
    while metrics.usage_queue_events.get() > 0 {
        sleep(Duration::from_millis(20)).await;
    }
    let written = began.elapsed();
    let lost = metrics.usage_events_dropped.get() as usize;
    let per_sec = |events: usize, took: Duration| events as f64 / took.as_secs_f64();
    println!("events handed over per second: {:.0} (wanted {WANTED_PER_SEC})", per_sec(made, pushed));
    println!("events in PostgreSQL per second, to the last one: {:.0}", per_sec(made - lost, written));
    println!("most that waited: {most_waiting} events; lost: {lost}");
    ledger.end().await.expect("ended");
    let rows = database.count("SELECT count(*) FROM usage_events").await;
    let _ = std::fs::remove_dir_all(folder);
    assert_eq!(rows, (made - lost) as i64);
    assert_eq!(rows, database.count("SELECT sum(requests)::bigint FROM usage_hours").await);
}
