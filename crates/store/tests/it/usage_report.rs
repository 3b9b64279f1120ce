//! Sums over time: right, without gaps, and of one account only.

use keyward_domain::ids::{AccountId, AppId, ProxyId};
use keyward_store::testing::TestDatabase;
use keyward_store::usage_report::{BucketWidth, TotalsRow, UsagePeriod, UsageScope};
use time::macros::datetime;
use uuid::Uuid;

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(1));
const APP: AppId = AppId(Uuid::from_u128(2));
const PROXY: ProxyId = ProxyId(Uuid::from_u128(3));
const PERIOD: UsagePeriod = UsagePeriod {
    from: datetime!(2026-03-01 00:00 UTC),
    until: datetime!(2026-03-08 00:00 UTC),
    width: BucketWidth::Day,
};

/// `(account, proxy, time, status, outcome, sub, cost)`; ten input and five output tokens each.
type Event = (u128, u128, &'static str, i32, &'static str, &'static str, i64);

async fn database_with(events: &[Event]) -> TestDatabase {
    let database = TestDatabase::create().await;
    plant_proxies(&database).await;
    for (account, proxy, time, status, outcome, sub, cost) in events {
        let [id, account, proxy, app] = [Uuid::new_v4(), Uuid::from_u128(*account), Uuid::from_u128(*proxy), APP.0];
        database
            .execute(&format!(
                "INSERT INTO usage_events (id, account_id, app_id, proxy_id, issuer_id, sub, occurred_at, method, status, outcome,
                     input_tokens, output_tokens, cost_micro_usd, request_bytes, response_bytes, duration_ms)
                 VALUES ('{id}', '{account}', '{app}', '{proxy}', '{app}', '{sub}', '{time}', 'POST', {status}, '{outcome}',
                     10, 5, {cost}, 1, 1, 1)"
            ))
            .await;
    }
    database
}

async fn plant_proxies(database: &TestDatabase) {
    let (account, app) = (ACCOUNT.0, APP.0);
    let proxies = [(3, "aaaaaaaaaaaa"), (4, "bbbbbbbbbbbb")].map(|(id, slug)| {
        format!(
            "INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules,
                 allowed_origins, created_at, updated_at)
             VALUES ('{}', '{app}', '{account}', '{slug}', 'P', 'openai', 'https://api.openai.com', '{{\"kind\":\"bearer\"}}',
                 true, '[]', '{{}}', now(), now());",
            Uuid::from_u128(id)
        )
    });
    let sql = format!(
        "INSERT INTO accounts (id, name, wrapped_data_key, created_at) VALUES ('{account}', 'A', '', now());
         INSERT INTO apps (id, account_id, name, created_at) VALUES ('{app}', '{account}', 'A', now());
         {}",
        proxies.concat()
    );
    database.execute(&sql).await;
}

const EVENTS: [Event; 7] = [
    (1, 3, "2026-03-01 00:00:00Z", 200, "completed", "ada", 100),
    (1, 3, "2026-03-01 23:59:59.999Z", 429, "rejected", "ada", 0),
    (1, 3, "2026-03-03 12:00:00Z", 200, "upstream_failed", "eve", 50),
    (1, 3, "2026-03-07 23:59:59Z", 200, "client_aborted", "eve", 51),
    (1, 3, "2026-03-08 00:00:00Z", 200, "completed", "late", 1),
    (1, 4, "2026-03-02 00:00:00Z", 200, "completed", "other proxy", 1),
    (9, 3, "2026-03-02 00:00:00Z", 200, "completed", "other account", 1),
];

#[tokio::test]
async fn every_day_has_a_bucket_and_every_event_falls_into_one() {
    let database = database_with(&EVENTS).await;
    let rows = database.store().usage_buckets(ACCOUNT, UsageScope::Proxy(PROXY), PERIOD).await.expect("works");
    let got: Vec<_> = rows.iter().map(|row| (row.starts_at.day(), row.totals.requests, row.totals.errors)).collect();
    assert_eq!(got, [(1, 2, 1), (2, 0, 0), (3, 1, 1), (4, 0, 0), (5, 0, 0), (6, 0, 0), (7, 1, 0)]);
    let first = TotalsRow { requests: 2, errors: 1, input_tokens: 20, output_tokens: 10, cost_micro_usd: 100 };
    assert_eq!((rows[0].totals, rows[1].totals), (first, TotalsRow::default()));
}

#[tokio::test]
async fn hours_are_buckets_too() {
    let database = database_with(&EVENTS).await;
    let from = datetime!(2026-03-01 00:00 UTC);
    let period = UsagePeriod { from, until: datetime!(2026-03-02 00:00 UTC), width: BucketWidth::Hour };
    let rows = database.store().usage_buckets(ACCOUNT, UsageScope::Proxy(PROXY), period).await.expect("works");
    assert_eq!((rows.len(), rows[0].totals.requests, rows[23].totals.requests), (24, 1, 1));
}

#[tokio::test]
async fn an_app_is_the_sum_of_its_proxies_and_no_other_account() {
    let database = database_with(&EVENTS).await;
    let rows = database.store().usage_buckets(ACCOUNT, UsageScope::App(APP), PERIOD).await.expect("works");
    assert_eq!(rows.iter().map(|row| row.totals.requests).sum::<i64>(), 5);
}

#[tokio::test]
async fn the_dearest_users_and_the_latest_requests_come_first() {
    let database = database_with(&EVENTS).await;
    let (store, scope) = (database.store(), UsageScope::Proxy(PROXY));
    let top = store.top_users(ACCOUNT, scope, PERIOD).await.expect("works");
    let top: Vec<_> = top.iter().map(|row| (row.sub.as_str(), row.totals.cost_micro_usd)).collect();
    assert_eq!(top, [("eve", 101), ("ada", 100)]);
    let recent = store.recent_requests(ACCOUNT, scope).await.expect("works");
    let subs: Vec<_> = recent.iter().filter_map(|row| row.sub.as_deref()).collect();
    assert_eq!(subs, ["late", "eve", "eve", "ada", "ada"]);
}

#[tokio::test]
async fn usage_goes_with_its_proxy_and_its_app() {
    let database = database_with(&EVENTS).await;
    let left = "SELECT count(*) FROM usage_events";
    database.store().delete_proxy(ACCOUNT, PROXY).await.expect("deleted");
    assert_eq!(database.count(left).await, 1, "the other proxy's");
    database.store().delete_app(ACCOUNT, APP).await.expect("deleted");
    assert_eq!(database.count(left).await, 0);
}
