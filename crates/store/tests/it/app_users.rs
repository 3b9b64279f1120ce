//! Blocking, revoking and listing app users, each within its account and app.
use crate::common::{NOW, owner};
use keyward_domain::ids::{AccountId, AppId, IssuerId};
use keyward_domain::issuer::{IssuerConfig, Subject};
use keyward_store::app_users::{AppUserFilter, AppUserQuery};
use keyward_store::issuers::NewIssuer;
use keyward_store::testing::TestDatabase;
use keyward_store::{Store, StoreError};
use time::Duration;
use uuid::Uuid;

struct Planted {
    account: AccountId,
    app: AppId,
    issuer: IssuerId,
}

async fn planted(store: &Store, email: &str) -> Planted {
    let (_, account) = owner(store, email).await;
    let app = store.create_app(account, "App", NOW).await.expect("an app");
    let issuer = IssuerId(Uuid::new_v4());
    let config = IssuerConfig::Firebase { project_id: "demo-app".to_owned() };
    let new = NewIssuer { id: issuer, config, sealed_secret: None };
    store.add_issuer(account, app, &new, NOW).await.expect("an issuer");
    Planted { account, app, issuer }
}

fn subject(issuer: IssuerId, sub: &str) -> Subject {
    Subject { issuer, sub: sub.to_owned() }
}

#[tokio::test]
async fn a_user_who_never_called_can_be_blocked_and_the_edge_hears_of_it() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let Planted { account, app, issuer } = planted(store, "a@example.com").await;
    let before = store.config_version().await.expect("read");
    store.block_app_user(account, app, &subject(issuer, "alice"), NOW).await.expect("blocked");
    store.block_app_user(account, app, &subject(issuer, "alice"), NOW + Duration::HOUR).await.expect("once more");
    assert!(store.config_version().await.expect("read") > before);
    let row = store.app_user(account, app, &subject(issuer, "alice")).await.expect("a row");
    assert_eq!((row.blocked_at, row.first_seen_at, row.last_seen_at), (Some(NOW), None, None));
    let revoked = &store.config_snapshot().await.expect("read").apps[&app].revoked;
    assert!(revoked.len() == 1 && revoked[0].blocked && revoked[0].subject == subject(issuer, "alice"));
    store.unblock_app_user(account, app, &subject(issuer, "alice")).await.expect("unblocked");
    assert!(store.config_snapshot().await.expect("read").apps[&app].revoked.is_empty());
}

#[tokio::test]
async fn revoked_tokens_never_come_back_by_an_earlier_time() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let Planted { account, app, issuer } = planted(store, "a@example.com").await;
    for at in [NOW, NOW - Duration::HOUR] {
        store.revoke_tokens_of(account, app, &subject(issuer, "bob"), at).await.expect("revoked");
        store.revoke_all_tokens(account, app, at).await.expect("revoked");
    }
    let snapshot = store.config_snapshot().await.expect("read");
    assert_eq!(snapshot.broken, Vec::<String>::new());
    let served = &snapshot.apps[&app];
    assert_eq!((served.revoked[0].tokens_not_before, served.policy.tokens_not_before), (Some(NOW), Some(NOW)));
}

#[tokio::test]
async fn another_accounts_users_can_be_neither_blocked_nor_seen() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let (one, two) = (planted(store, "a@example.com").await, planted(store, "b@example.com").await);
    let alice = subject(one.issuer, "alice");
    store.block_app_user(one.account, one.app, &alice, NOW).await.expect("blocked");
    for (account, app) in [(two.account, one.app), (two.account, two.app), (one.account, two.app)] {
        let refused = [
            store.block_app_user(account, app, &alice, NOW).await,
            store.unblock_app_user(account, app, &alice).await,
            store.revoke_tokens_of(account, app, &alice, NOW).await,
            store.app_user(account, app, &alice).await.map(|_| ()),
        ];
        assert!(refused.iter().all(|outcome| matches!(outcome, Err(StoreError::NotFound))), "{refused:?}");
        assert!(store.app_users(account, app, &AppUserQuery::default()).await.expect("read").users.is_empty());
    }
    assert!(matches!(store.revoke_all_tokens(two.account, one.app, NOW).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn users_are_listed_last_seen_first_in_pages_and_found_by_a_part_of_their_id() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let Planted { account, app, issuer } = planted(store, "a@example.com").await;
    database
        .execute(&format!(
            "INSERT INTO app_users (id, app_id, account_id, issuer_id, sub, first_seen_at, last_seen_at)
             SELECT gen_random_uuid(), '{app}', '{account}', '{issuer}', 'user-' || n, now(), now() - n * interval '1 minute'
             FROM generate_series(1, 5) AS n"
        ))
        .await;
    store.block_app_user(account, app, &subject(issuer, "Never-Seen"), NOW).await.expect("blocked");
    let mut query = AppUserQuery { page_rows: 2, ..AppUserQuery::default() };
    let mut subs = Vec::new();
    loop {
        let page = store.app_users(account, app, &query).await.expect("read");
        subs.extend(page.users.into_iter().map(|user| user.sub));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    assert_eq!(subs, ["user-1", "user-2", "user-3", "user-4", "user-5", "Never-Seen"]);
    for (search, only, found) in [
        (Some("USER-3"), AppUserFilter::All, 1),
        (Some("seen"), AppUserFilter::All, 1),
        (Some("%"), AppUserFilter::All, 0),
        (None, AppUserFilter::Revoked, 1),
    ] {
        let query = AppUserQuery { search: search.map(str::to_owned), only, after: None, page_rows: 50 };
        assert_eq!(store.app_users(account, app, &query).await.expect("read").users.len(), found, "{search:?}");
    }
}
