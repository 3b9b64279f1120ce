//! Links of mails: single use however many try at once, and only while they live.

use crate::common::{NOW, member, token};
use keyward_store::StoreError;
use keyward_store::email_tokens::{TokenHash, TokenPurpose};
use keyward_store::testing::TestDatabase;
use time::Duration;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_parallel_uses_one_succeeds() {
    let database = TestDatabase::create().await;
    let signed_up = member(database.store(), "ada@example.com", "the-token").await;
    let mut uses = JoinSet::new();
    for _ in 0..50 {
        let store = database.store().clone();
        uses.spawn(async move { store.verify_with_token(TokenHash::of("the-token"), NOW).await });
    }
    let outcomes = uses.join_all().await;
    let successes: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(successes, [&signed_up]);
    assert!(
        outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(|error| matches!(error, StoreError::NotFound))
    );
}

#[tokio::test]
async fn a_token_is_good_for_its_purpose_and_time_only() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let ada = member(store, "ada@example.com", "verify-token").await;
    let as_reset = store.reset_password_with_token(TokenHash::of("verify-token"), "hash", NOW).await;
    assert!(matches!(as_reset, Err(StoreError::NotFound)));
    let late = store.verify_with_token(TokenHash::of("verify-token"), NOW + Duration::HOUR).await;
    assert!(matches!(late, Err(StoreError::NotFound)), "it lives for an hour here");
    assert_eq!(store.verify_with_token(TokenHash::of("verify-token"), NOW).await.expect("in time"), ada);
}

#[tokio::test]
async fn a_new_password_kills_the_reset_links_that_are_out() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let ada = member(store, "ada@example.com", "verify-token").await;
    for text in ["one", "two"] {
        store.add_email_token(ada, &token(text, TokenPurpose::Reset)).await.expect("added");
    }
    assert_eq!(store.reset_password_with_token(TokenHash::of("one"), "new hash", NOW).await.expect("first"), ada);
    let second = store.reset_password_with_token(TokenHash::of("two"), "other hash", NOW).await;
    assert!(matches!(second, Err(StoreError::NotFound)));
    let row = store.member(ada).await.expect("there");
    assert_eq!((row.password_hash.as_str(), row.verified_at), ("new hash", Some(NOW)));
}

#[tokio::test]
async fn the_database_never_holds_the_token_itself() {
    let database = TestDatabase::create().await;
    member(database.store(), "ada@example.com", "the-token").await;
    let plain = database
        .count("SELECT count(*) FROM email_tokens WHERE position('the-token'::bytea IN token_sha256) > 0")
        .await;
    assert_eq!((plain, database.count("SELECT count(*) FROM email_tokens").await), (0, 1));
}
