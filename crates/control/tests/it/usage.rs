//! Usage as the dashboard shows it.

use keyward_domain::view::UsageRange;
use uuid::Uuid;

use crate::world::World;

#[tokio::test]
async fn sums_a_proxys_requests_by_hour_and_by_day() {
    let world = World::production().await;
    let (control, ada) = (&world.control, world.actor("ada@example.com").await);
    let app = world.app(&ada).await;
    let proxy = world.openai_proxy(&ada, app).await;
    let empty = control.usage(&ada, proxy, UsageRange::Week).await.expect("works");
    assert_eq!((empty.buckets.len(), empty.total.requests, empty.recent.len()), (7, 0, 0));
    let account = ada.account_id();
    for (time, status, sub) in [
        ("2026-03-01 12:10:00Z", 200, "'ada'"),
        ("2026-02-28 13:00:00Z", 429, "'ada'"),
        ("2026-02-28 12:59:59Z", 200, "'eve'"),
        ("2026-02-01 00:00:00Z", 200, "NULL"),
        ("2026-01-30 23:59:59Z", 200, "NULL"),
    ] {
        world
            .database
            .execute(&format!(
                "INSERT INTO usage_events (id, account_id, app_id, proxy_id, sub, occurred_at, method, status, outcome,
                     input_tokens, output_tokens, cost_micro_usd, request_bytes, response_bytes, duration_ms)
                 VALUES ('{}', '{account}', '{app}', '{proxy}', {sub}, '{time}', 'POST', {status}, 'completed', 3, 2, 10, 1, 1, 1)",
                Uuid::new_v4()
            ))
            .await;
    }
    for (range, buckets, requests, errors) in
        [(UsageRange::Day, 24, 2, 1), (UsageRange::Week, 7, 3, 1), (UsageRange::Month, 30, 4, 1)]
    {
        let usage = control.usage(&ada, proxy, range).await.expect("works");
        let got = (usage.buckets.len(), usage.total.requests, usage.total.errors, usage.total.cost_micro_usd);
        assert_eq!(got, (buckets, requests, errors, requests * 10), "{range:?}");
        assert_eq!(control.app_usage(&ada, app, range).await.expect("works"), usage);
    }
    let month = control.usage(&ada, proxy, UsageRange::Month).await.expect("works");
    assert_eq!(month.top_users.iter().map(|user| user.sub.as_str()).collect::<Vec<_>>(), ["ada", "eve"]);
    assert_eq!(month.recent.len(), 5);
    assert_eq!(control.apps(&ada).await.expect("works")[0].requests_last_day, 2);
    assert_eq!(control.app(&ada, app).await.expect("works").proxies[0].requests_last_day, 2);
}
