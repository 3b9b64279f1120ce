//! Sums by hour equal the events, whatever their order; events are thrown away in time, and the sums stay.

use keyward_domain::ids::{AccountId, AppId};
use keyward_domain::usage::{Extent, UsageEvent};
use keyward_store::testing::TestDatabase;
use time::Duration;

use crate::edge::{NOW, event, id, planted};

const EVENTS: &str = "SELECT count(*) FROM usage_events";
/// Hours that say another thing than the events; with every sum that both have.
const DIFFERENCES: &str = "
    WITH summed AS (
        SELECT account_id, app_id, proxy_id, date_trunc('hour', occurred_at, 'UTC') AS hour,
            CASE WHEN status < 400 THEN model END AS model, plan_id,
            count(*) FILTER (WHERE NOT is_part) AS requests,
            count(*) FILTER (WHERE NOT is_part AND outcome = 'completed') AS completed,
            coalesce(sum(input_tokens), 0)::bigint AS input_tokens, coalesce(sum(cached_tokens), 0)::bigint AS cached_tokens,
            coalesce(sum(output_tokens), 0)::bigint AS output_tokens, coalesce(sum(cost_micro_usd), 0)::bigint AS cost_micro_usd,
            sum(request_bytes)::bigint AS request_bytes, sum(response_bytes)::bigint AS response_bytes
        FROM usage_events GROUP BY 1, 2, 3, 4, 5, 6),
    kept AS (
        SELECT account_id, app_id, proxy_id, hour, model, plan_id, requests, completed, input_tokens, cached_tokens,
            output_tokens, cost_micro_usd, request_bytes, response_bytes
        FROM usage_hours)
    SELECT count(*) FROM ((TABLE summed EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE summed)) AS differences";

async fn write(database: &TestDatabase, events: &[UsageEvent]) {
    database.store().insert_usage_events(events).await.expect("written");
}

fn at(number: u128, hours_ago: i64) -> UsageEvent {
    UsageEvent { occurred_at: NOW - Duration::hours(hours_ago), ..event(number, "alice") }
}

#[tokio::test]
async fn the_hours_equal_the_events_after_late_double_and_disordered_arrivals() {
    let database = planted().await;
    let mut all: Vec<UsageEvent> = (0..60).map(|number| at(100 + number, (number * 7 % 50) as i64)).collect();
    for (number, event) in all.iter_mut().enumerate() {
        event.model = [None, Some("a".to_owned()), Some("b".to_owned())][number % 3].clone();
        event.cost_micro_usd = (number % 2 == 0).then_some(number as u64);
        event.extent = if number < 6 { Extent::Part } else { Extent::Call };
    }
    write(&database, &all[20..50]).await;
    write(&database, &all[0..30]).await;
    database.store().keep_usage(NOW).await.expect("kept");
    // Within one batch too.
    let twice: Vec<UsageEvent> = all[10..].iter().chain(&all[40..]).cloned().collect();
    write(&database, &twice).await;
    write(&database, &all).await;
    assert_eq!(database.count(EVENTS).await, 60);
    assert_eq!(database.count(DIFFERENCES).await, 0);
    assert_eq!(database.count("SELECT sum(requests)::bigint FROM usage_user_hours WHERE sub = 'alice'").await, 54);
}

#[tokio::test]
async fn two_edges_that_write_the_same_hours_add_up() {
    let database = planted().await;
    let batches: Vec<Vec<UsageEvent>> = (0..8)
        .map(|batch| (0..50).map(|number| at(1_000 + batch * 50 + number, (number % 3) as i64)).collect())
        .collect();
    let writes: Vec<_> = batches
        .into_iter()
        .map(|batch| {
            let store = database.store().clone();
            tokio::spawn(async move { store.insert_usage_events(&batch).await })
        })
        .collect();
    for written in writes {
        written.await.expect("no panic").expect("written");
    }
    assert_eq!((database.count(EVENTS).await, database.count(DIFFERENCES).await), (400, 0));
}

#[tokio::test]
async fn days_are_made_ahead_and_take_what_the_default_had() {
    let database = planted().await;
    write(&database, &[at(10, 0), at(11, 24 * 30)]).await;
    let (store, default) = (database.store(), "SELECT count(*) FROM usage_events_default");
    assert_eq!(database.count(default).await, 2);
    let (one, other) = tokio::join!(store.keep_usage(NOW), store.keep_usage(NOW));
    let made = one.expect("kept").days_made + other.expect("kept").days_made;
    let later = store.keep_usage(NOW).await.expect("kept").days_made;
    assert_eq!(made + later, 8, "each day is made once");
    assert_eq!((database.count(default).await, database.count(EVENTS).await), (1, 2));
    assert_eq!(database.count(DIFFERENCES).await, 0, "moving is not counting");
    write(&database, &[at(12, -24), at(10, 0)]).await;
    assert_eq!((database.count(default).await, database.count(EVENTS).await), (1, 3));
    assert_eq!(store.keep_usage(NOW).await.expect("kept").days_made, 0);
}

#[tokio::test]
async fn events_go_when_their_apps_days_are_over_and_their_sums_stay() {
    let database = planted().await;
    let (store, account, app) = (database.store(), AccountId(id(1)), AppId(id(2)));
    store.set_usage_retention(account, app, 10).await.expect("set");
    assert_eq!(store.usage_retention_days(account, app).await.expect("read"), 10);
    assert!(store.set_usage_retention(AccountId(id(99)), app, 5).await.is_err(), "of another account");
    store.keep_usage(NOW - Duration::days(20)).await.expect("kept");
    let old: Vec<UsageEvent> = (0..30).map(|number| at(100 + number, 24 * 15)).collect();
    write(&database, &old).await;
    write(&database, &[at(10, 24 * 9), at(11, 24 * 11), at(12, 0)]).await;
    let kept = store.keep_usage(NOW).await.expect("kept");
    // The days before the longest retention go as a whole, with the thirty and the one of eleven days ago.
    assert!(kept.days_dropped > 0, "{kept:?}");
    assert_eq!(database.count(EVENTS).await, 2);
    assert_eq!(database.count("SELECT sum(requests)::bigint FROM usage_hours").await, 33);
    // An event that comes later than that is counted, and not kept.
    write(&database, &[at(13, 24 * 30)]).await;
    assert_eq!(store.keep_usage(NOW).await.expect("kept").events_deleted, 1);
    assert_eq!(database.count("SELECT sum(requests)::bigint FROM usage_hours").await, 34);
}

#[tokio::test]
async fn sums_by_user_end_after_a_good_year() {
    let database = planted().await;
    write(&database, &[at(10, 0), at(11, 24 * 401)]).await;
    let kept = database.store().keep_usage(NOW).await.expect("kept");
    assert_eq!(kept.user_sums_deleted, 1);
    let left = "SELECT sum(requests)::bigint FROM ";
    assert_eq!(database.count(&format!("{left} usage_user_hours")).await, 1);
    assert_eq!(database.count(&format!("{left} usage_hours")).await, 2);
}

#[tokio::test]
async fn a_tier_keeps_no_more_than_its_days_and_nothing_is_cut_where_no_money_is_taken() {
    let database = planted().await;
    let store = database.store();
    store.set_usage_retention(AccountId(id(1)), AppId(id(2)), 90).await.expect("set");
    write(&database, &[at(10, 24 * 20), at(11, 24 * 40)]).await;
    let kept_at = async |days: i64| {
        store.keep_usage(NOW + Duration::days(days)).await.expect("kept");
        database.count(EVENTS).await
    };
    assert_eq!(kept_at(0).await, 2, "nobody pays");
    store.begin_billing(NOW).await.expect("begun");
    store.begin_billing(NOW + Duration::days(6)).await.expect("the first time counts");
    assert_eq!(kept_at(6).await, 2, "not at once");
    store.lift_all_standings().await.expect("lifted");
    assert_eq!(kept_at(8).await, 2, "nobody pays any more");
    store.begin_billing(NOW).await.expect("begun");
    assert_eq!(kept_at(7).await, 1, "30 days, in the free tier");
}
