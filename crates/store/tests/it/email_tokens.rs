//! Links of mails: single use however many try at once, and only while they live.

use crate::common::{NOW, member, token};
use keyward_store::StoreError;
use keyward_store::email_tokens::{TokenHash, TokenPurpose, Verification};
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
    let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("an answer")).collect();
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    assert_eq!((count(Verification::Verified(signed_up)), count(Verification::AlreadyVerified)), (1, 49));
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
    assert_eq!(
        store.verify_with_token(TokenHash::of("verify-token"), NOW).await.expect("in time"),
        Verification::Verified(ada)
    );
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

#[tokio::test]
async fn a_confirmed_member_has_no_confirmation_link_that_does_anything() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let ada = member(store, "ada@example.com", "first").await;
    store.add_email_token(ada, &token("second", TokenPurpose::Verify)).await.expect("asked again");
    store.verify_with_token(TokenHash::of("second"), NOW).await.expect("verifies");
    assert_eq!(database.count("SELECT count(*) FROM email_tokens WHERE used_at IS NULL").await, 0);
    store.add_email_token(ada, &token("third", TokenPurpose::Verify)).await.expect("asked at the same moment");
    for text in ["first", "second", "third"] {
        let outcome = store.verify_with_token(TokenHash::of(text), NOW).await.expect("an answer");
        assert_eq!(outcome, Verification::AlreadyVerified, "{text}");
    }
}

#[tokio::test]
async fn a_new_password_spends_the_confirmation_links_that_are_out() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let ada = member(store, "ada@example.com", "strangers").await;
    store.add_email_token(ada, &token("owners", TokenPurpose::Reset)).await.expect("added");
    store.reset_password_with_token(TokenHash::of("owners"), "new hash", NOW).await.expect("resets");
    assert_eq!(database.count("SELECT count(*) FROM email_tokens WHERE used_at IS NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_reset_links_used_at_once_do_not_wait_for_each_other() {
    let database = TestDatabase::create().await;
    let ada = member(database.store(), "ada@example.com", "verify-token").await;
    for n in 0..20 {
        database.store().add_email_token(ada, &token(&format!("{n}"), TokenPurpose::Reset)).await.expect("added");
    }
    let mut uses = JoinSet::new();
    for n in 0..20 {
        let store = database.store().clone();
        uses.spawn(async move { store.reset_password_with_token(TokenHash::of(&format!("{n}")), "new", NOW).await });
    }
    let outcomes = uses.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(StoreError::NotFound))), "{outcomes:?}");
}
