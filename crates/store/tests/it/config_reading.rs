//! The edge reads anew the apps that have changed, all of them and no others.

use keyward_domain::ids::AppId;
use keyward_store::Store;
use keyward_store::testing::TestDatabase;

use crate::edge::{id, planted};

const KEY: &str = "INSERT INTO sealed_keys (id, proxy_id, account_id, version, sealed, hint, created_at) VALUES";

/// Beside the app of `planted`, another one that nothing happens to.
async fn world() -> TestDatabase {
    let database = planted().await;
    let (account, app, other, plan, user) = (id(1), id(2), id(20), id(21), id(22));
    let sql = format!(
        "INSERT INTO apps (id, account_id, name, created_at) VALUES ('{other}', '{account}', 'B', now());
         INSERT INTO plans (id, app_id, account_id, name, is_default, created_at)
         VALUES ('{plan}', '{app}', '{account}', 'Default', true, now());
         INSERT INTO app_users (id, app_id, account_id, issuer_id, sub) VALUES ('{user}', '{app}', '{account}', '{}', 'bob');
         {KEY} ('{}', '{}', '{account}', 1, '\\x00', 'abcd', now());",
        id(3),
        id(23),
        id(4),
    );
    database.execute(&sql).await;
    database
}

struct Changes {
    version: i64,
    apps: Vec<AppId>,
    gone: Vec<AppId>,
}

async fn changes(store: &Store, since: Option<i64>) -> Changes {
    let mut reading = store.read_config(since).await.expect("read");
    let mut apps = Vec::new();
    while let Some(rows) = reading.next_piece().await.expect("read") {
        apps.extend(rows.apps);
    }
    Changes { version: reading.version, apps, gone: reading.gone }
}

#[tokio::test]
async fn every_kind_of_change_is_found_at_its_app_and_at_no_other() {
    let database = world().await;
    let store = database.store();
    let (account, app, other) = (id(1), AppId(id(2)), AppId(id(20)));
    let mut known = changes(store, None).await;
    assert_eq!((known.apps.clone(), known.gone.clone()), (vec![app, other], vec![]), "at first all");
    let source = "purchase_sources (app_id, account_id, source, sealed_key, key_hint, live, connected_at, checked_at, next_run_at)";
    for sql in [
        format!("UPDATE apps SET policy = '{{\"time_zone\": \"UTC\"}}' WHERE id = '{app}'"),
        format!(
            "INSERT INTO plans (id, app_id, account_id, name, is_default, created_at) VALUES ('{}', '{app}', '{account}', 'Pro', false, now())",
            id(30)
        ),
        format!("UPDATE plans SET policy = '{{\"message\": \"x\"}}' WHERE id = '{}'", id(30)),
        format!("DELETE FROM plans WHERE id = '{}'", id(30)),
        format!("UPDATE issuers SET config = '{{\"kind\":\"firebase\",\"project_id\":\"q\"}}' WHERE app_id = '{app}'"),
        format!("UPDATE issuers SET anonymous_policy = '{{\"kind\": \"as_others\"}}' WHERE app_id = '{app}'"),
        format!("UPDATE proxies SET enabled = false WHERE id = '{}'", id(4)),
        format!("DELETE FROM proxies WHERE id = '{}'", id(5)),
        format!("{KEY} ('{}', '{}', '{account}', 1, '\\x01', 'wxyz', now())", id(31), id(4)),
        format!("UPDATE sealed_keys SET weight = 0 WHERE id = '{}'", id(31)),
        format!("DELETE FROM sealed_keys WHERE id = '{}'", id(31)),
        "UPDATE app_users SET blocked_at = now() WHERE sub = 'bob'".to_owned(),
        "UPDATE app_users SET tokens_not_before = now() WHERE sub = 'bob'".to_owned(),
        format!("INSERT INTO {source} VALUES ('{app}', '{account}', 'stripe', '', '', true, now(), now(), now())"),
        format!("DELETE FROM purchase_sources WHERE app_id = '{app}'"),
        format!("DELETE FROM issuers WHERE app_id = '{app}'"),
    ] {
        database.execute(&sql).await;
        let now = changes(store, Some(known.version)).await;
        assert!(now.version > known.version, "{sql}");
        assert_eq!((now.apps.clone(), now.gone.clone()), (vec![app], vec![]), "{sql}");
        known = now;
    }
    database.execute(&format!("UPDATE accounts SET wrapped_data_key = '\\x01' WHERE id = '{account}'")).await;
    assert_eq!(
        changes(store, Some(known.version)).await.apps,
        [app, other],
        "another data key is all its apps' change"
    );
}

#[tokio::test]
async fn what_is_none_of_the_edges_business_is_no_change() {
    let database = world().await;
    let store = database.store();
    let known = store.config_version().await.expect("read");
    for sql in [
        "UPDATE app_users SET last_seen_at = now()",
        "UPDATE sealed_keys SET last_refused_at = now()",
        "UPDATE issuers SET last_check_ok = true",
        "UPDATE apps SET name = 'C' WHERE name = 'A'",
        "UPDATE accounts SET name = 'C'",
        "DELETE FROM proxies WHERE slug = 'none'",
    ] {
        database.execute(sql).await;
        assert_eq!(store.config_version().await.expect("read"), known, "{sql}");
    }
}

#[tokio::test]
async fn a_deleted_app_is_named_to_whoever_knew_it() {
    let database = world().await;
    let store = database.store();
    let (app, before) = (AppId(id(2)), store.config_version().await.expect("read"));
    database.execute(&format!("DELETE FROM apps WHERE id = '{app}'")).await;
    let after = changes(store, Some(before)).await;
    assert_eq!((after.apps, after.gone), (vec![], vec![app]));
    let later = changes(store, Some(after.version)).await;
    assert_eq!((later.apps, later.gone), (vec![], vec![]));
}

#[tokio::test]
async fn a_change_that_commits_late_is_not_passed_over() {
    let database = world().await;
    let store = database.store();
    let (app, other) = (AppId(id(2)), AppId(id(20)));
    let known = store.config_version().await.expect("read");
    let late =
        database.begin(&format!("UPDATE apps SET policy = '{{\"link_by_email\": true}}' WHERE id = '{app}'")).await;
    let sql = format!("UPDATE apps SET policy = '{{\"link_by_email\": true}}' WHERE id = '{other}'");
    let next = database.execute(&sql);
    let now = {
        tokio::pin!(next);
        // It waits for the one that took its number first.
        let seen = changes(store, Some(known));
        tokio::select! { _ = &mut next => panic!("it overtook"), seen = seen => assert!(seen.apps.is_empty()) };
        late.commit().await.expect("committed");
        next.await;
        changes(store, Some(known)).await
    };
    assert_eq!(now.apps, [app, other]);
}
