//! Waits grow, end, and hold under parallel attempts.

use crate::common::NOW;
use keyward_store::backoff::{Attempt, BackoffPolicy};
use keyward_store::testing::TestDatabase;
use time::Duration;
use tokio::task::JoinSet;

const POLICY: BackoffPolicy =
    BackoffPolicy { free_attempts: 3, longest_wait: Duration::seconds(10), forgotten_after: Duration::HOUR };

#[tokio::test]
async fn waits_double_up_to_the_longest_and_every_one_ends() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let mut now = NOW;
    for _ in 0..3 {
        assert_eq!(store.begin_attempt("a", POLICY, now).await.expect("works"), Attempt::Allowed);
    }
    for wait in [1, 2, 4, 8, 10, 10] {
        assert_eq!(store.begin_attempt("a", POLICY, now).await.expect("works"), Attempt::Allowed, "before {wait} s");
        let Attempt::Blocked { retry_after_secs } = store.begin_attempt("a", POLICY, now).await.expect("works") else {
            panic!("blocked for {wait} s")
        };
        assert_eq!(retry_after_secs, wait);
        now += Duration::seconds(i64::try_from(wait).expect("small"));
    }
    assert_eq!(store.begin_attempt("b", POLICY, now).await.expect("works"), Attempt::Allowed, "another subject");
}

#[tokio::test]
async fn is_forgotten_after_a_while_or_when_cleared() {
    let database = TestDatabase::create().await;
    let store = database.store();
    for _ in 0..4 {
        store.begin_attempt("a", POLICY, NOW).await.expect("works");
    }
    let later = NOW + Duration::HOUR;
    for _ in 0..3 {
        assert_eq!(store.begin_attempt("a", POLICY, later).await.expect("works"), Attempt::Allowed);
    }
    store.begin_attempt("a", POLICY, later).await.expect("works");
    assert!(matches!(store.begin_attempt("a", POLICY, later).await.expect("works"), Attempt::Blocked { .. }));
    store.clear_backoff("a").await.expect("works");
    assert_eq!(store.begin_attempt("a", POLICY, later).await.expect("works"), Attempt::Allowed);
}

#[tokio::test]
async fn forgiven_attempts_do_not_count() {
    let database = TestDatabase::create().await;
    let store = database.store();
    for _ in 0..20 {
        assert_eq!(store.begin_attempt("a", POLICY, NOW).await.expect("works"), Attempt::Allowed);
        store.forgive_attempt("a", NOW).await.expect("works");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_do_not_slip_past_the_count() {
    let database = TestDatabase::create().await;
    let mut attempts = JoinSet::new();
    for _ in 0..50 {
        let store = database.store().clone();
        attempts.spawn(async move { store.begin_attempt("a", POLICY, NOW).await.expect("works") });
    }
    let allowed = attempts.join_all().await.into_iter().filter(|attempt| *attempt == Attempt::Allowed).count();
    assert_eq!(allowed, 4, "three free ones, and the one that starts the wait");
}
