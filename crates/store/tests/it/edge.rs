//! What the edge reads and writes: the snapshot, its version and notices, usage, owners.

use std::time::Duration;

use keyward_domain::ids::{AccountId, AppId, IssuerId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::ownership::ResourceRef;
use keyward_domain::usage::{Extent, Outcome, TokenCounts, UsageEvent};
use keyward_store::testing::TestDatabase;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::time::timeout;
use uuid::Uuid;

pub const NOW: OffsetDateTime = datetime!(2026-01-15 12:00 UTC);

pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// An account, an app with an issuer, and two proxies of it.
pub async fn planted() -> TestDatabase {
    let database = TestDatabase::create().await;
    let (account, app, issuer) = (id(1), id(2), id(3));
    let proxies = [(id(4), "aaaaaaaaaaaa"), (id(5), "bbbbbbbbbbbb")].map(|(proxy, slug)| {
        format!(
            "INSERT INTO proxies (id, app_id, account_id, slug, name, provider, base_url, key_placement, enabled, rules,
                 allowed_origins, created_at, updated_at)
             VALUES ('{proxy}', '{app}', '{account}', '{slug}', 'P', 'openai', 'https://api.openai.com', '{{\"kind\":\"bearer\"}}',
                 true, '[]', '{{}}', now(), now());"
        )
    });
    let sql = format!(
        "INSERT INTO accounts (id, name, wrapped_data_key, created_at) VALUES ('{account}', 'A', '', now());
         INSERT INTO apps (id, account_id, name, created_at) VALUES ('{app}', '{account}', 'A', now());
         INSERT INTO issuers (id, app_id, account_id, config, created_at, updated_at)
         VALUES ('{issuer}', '{app}', '{account}', '{{\"kind\":\"firebase\",\"project_id\":\"p\"}}', now(), now());
         {}",
        proxies.concat()
    );
    database.execute(&sql).await;
    database
}

fn subject(sub: &str) -> Subject {
    Subject { issuer: IssuerId(id(3)), sub: sub.to_owned() }
}

pub fn event(number: u128, sub: &str) -> UsageEvent {
    UsageEvent {
        id: id(number),
        account: AccountId(id(1)),
        app: AppId(id(2)),
        proxy: ProxyId(id(4)),
        subject: Some(subject(sub)),
        occurred_at: NOW,
        extent: Extent::Call,
        method: "POST".to_owned(),
        endpoint: Some("/v1/chat/completions".to_owned()),
        status: 200,
        outcome: Outcome::Completed,
        code: None,
        model: Some("gpt-4o".to_owned()),
        tokens: Some(TokenCounts { input: 3, cached: 1, output: 2, ..TokenCounts::default() }),
        estimated: false,
        plan: None,
        cost_micro_usd: Some(27),
        request_bytes: 10,
        response_bytes: 20,
        first_byte_ms: Some(1),
        duration_ms: 2,
        app_check: None,
        byok_key: None,
    }
}

#[tokio::test]
async fn a_snapshot_leaves_out_what_it_cannot_read_and_names_it() {
    let database = planted().await;
    database.execute("UPDATE proxies SET base_url = 'nonsense' WHERE slug = 'bbbbbbbbbbbb'").await;
    let snapshot = database.store().config_snapshot().await.expect("read");
    let slugs: Vec<&str> = snapshot.proxies.iter().map(|proxy| proxy.slug.as_str()).collect();
    assert_eq!(slugs, ["aaaaaaaaaaaa"]);
    assert_eq!(snapshot.broken.len(), 1);
    assert!(snapshot.broken[0].contains(&id(5).to_string()));
    assert_eq!(snapshot.apps[&AppId(id(2))].issuers.len(), 1);
    assert!(snapshot.proxies[0].keys.is_empty() && snapshot.apps[&AppId(id(2))].default_plan.is_none());
}

#[tokio::test]
async fn a_change_is_noticed_and_has_a_version() {
    let database = planted().await;
    let before = database.store().config_version().await.expect("read");
    let mut listener = database.store().listen_config().await.expect("listening");
    database.execute("UPDATE proxies SET enabled = false").await;
    timeout(Duration::from_secs(10), listener.changed()).await.expect("in time").expect("a notice");
    assert!(database.store().config_version().await.expect("read") > before);
}

#[tokio::test]
async fn a_batch_that_comes_twice_counts_once_and_keeps_the_last_sight_of_a_user() {
    let database = planted().await;
    let mut batch = vec![event(10, "alice"), event(11, "alice"), event(12, "bob")];
    batch[1].occurred_at = NOW + time::Duration::hours(1);
    batch[2].subject = Some(Subject { issuer: IssuerId(Uuid::nil()), sub: "dashboard:x".to_owned() });
    for _ in 0..2 {
        database.store().insert_usage_events(&batch).await.expect("written");
    }
    assert_eq!(database.count("SELECT count(*) FROM usage_events").await, 3);
    assert_eq!(
        database.count("SELECT count(*) FROM app_users").await,
        1,
        "a subject of no linked issuer is no app user"
    );
    let seen_for = "SELECT extract(epoch FROM last_seen_at - first_seen_at)::bigint FROM app_users WHERE sub = 'alice'";
    assert_eq!(database.count(seen_for).await, 3_600);
    assert_eq!(
        database.count("SELECT sum(input_tokens + cached_tokens + output_tokens)::bigint FROM usage_events").await,
        18
    );
}

#[tokio::test]
async fn a_users_id_that_postgres_cannot_store_holds_up_nobody() {
    let database = planted().await;
    database.store().insert_usage_events(&[event(10, "a\0b"), event(11, "bob")]).await.expect("written");
    assert_eq!(database.count("SELECT count(*) FROM usage_events").await, 2);
}

#[tokio::test]
async fn what_ends_after_its_proxy_is_gone_is_not_written_and_holds_up_nobody() {
    let database = planted().await;
    let elsewhere = UsageEvent { proxy: ProxyId(id(5)), ..event(11, "bob") };
    database.execute(&format!("DELETE FROM proxies WHERE id = '{}'", id(4))).await;
    database.store().insert_usage_events(&[event(10, "alice"), elsewhere]).await.expect("written");
    assert_eq!(database.count("SELECT count(*) FROM usage_events").await, 1);
}

#[tokio::test]
async fn an_object_has_one_owner_per_proxy_and_keeps_it() {
    let database = planted().await;
    let (store, here, there) = (database.store(), ProxyId(id(4)), ProxyId(id(5)));
    let file = [ResourceRef { kind: "file".to_owned(), id: "file-1".to_owned() }];
    assert!(store.record_resource_owner(here, &file, &subject("alice"), NOW).await.expect("recorded"));
    assert!(store.record_resource_owner(here, &file, &subject("alice"), NOW).await.expect("once more"));
    assert!(!store.record_resource_owner(here, &file, &subject("bob"), NOW).await.expect("looked at"));
    let owners = store.resource_owners(here, &file).await.expect("read");
    assert_eq!(owners, [(file[0].clone(), subject("alice"))]);
    assert_eq!(store.resource_owners(there, &file).await.expect("read"), []);
    assert_eq!(store.count_owned(here, "file", &subject("alice")).await.expect("read"), 1);
    store.forget_resource(here, &file[0], &subject("bob")).await.expect("nothing to forget");
    assert_eq!(store.count_owned(here, "file", &subject("alice")).await.expect("read"), 1);
    store.forget_resource(here, &file[0], &subject("alice")).await.expect("forgotten");
    assert_eq!(store.resource_owners(here, &file).await.expect("read"), []);
}
