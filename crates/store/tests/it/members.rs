//! Sign-up is one transaction, and a known address changes nothing.

use crate::common::{NOW, member, new_member, token};
use keyward_domain::role::Role;
use keyward_store::StoreError;
use keyward_store::email_tokens::{TokenHash, TokenPurpose};
use keyward_store::members::{PASSWORD_CHANGED, SignedUp};
use keyward_store::testing::TestDatabase;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_verified_member_owns_an_account_with_a_data_key() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let ada = member(store, "ada@example.com", "t").await;
    assert!(matches!(store.membership(ada).await, Err(StoreError::NotFound)), "not verified yet");
    store.verify_with_token(TokenHash::of("t"), NOW).await.expect("verifies");
    let membership = store.membership(ada).await.expect("owns an account");
    assert_eq!(membership.role, Role::Owner);
    let wrapped = store.wrapped_data_key(membership.account).await.expect("there");
    assert!(crate::common::key_ring().open_data_key(membership.account, &wrapped).is_ok());
}

#[tokio::test]
async fn a_known_address_gets_a_token_and_nothing_else() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let ada = member(store, "ada@example.com", "t").await;
    let again = new_member("ada@example.com");
    let outcome = store.sign_up(&again, |_| token("second", TokenPurpose::Reset), NOW).await.expect("no error");
    assert_eq!(outcome, SignedUp::Known(ada));
    for (table, count) in [("accounts", 1), ("members", 1), ("account_members", 1), ("email_tokens", 2)] {
        assert_eq!(database.count(&format!("SELECT count(*) FROM {table}")).await, count, "{table}");
    }
    assert_eq!(store.member(ada).await.expect("there").email, "ada@example.com");
    let email = store.email_of_live_token(TokenHash::of("second"), TokenPurpose::Reset, NOW).await.expect("live");
    assert_eq!(email, "ada@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_sign_ups_make_one_member_and_leave_no_orphans() {
    let database = TestDatabase::create().await;
    let mut sign_ups = JoinSet::new();
    for n in 0..20 {
        let store = database.store().clone();
        sign_ups.spawn(async move {
            let name = format!("token {n}");
            store.sign_up(&new_member("ada@example.com"), |_| token(&name, TokenPurpose::Verify), NOW).await
        });
    }
    let outcomes = sign_ups.join_all().await;
    let new = outcomes.iter().filter(|outcome| matches!(outcome, Ok(SignedUp::New(_)))).count();
    assert_eq!(new, 1);
    let conflict = |error: &StoreError| matches!(error, StoreError::Conflict { constraint } if constraint == "members_email_unique");
    assert!(outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(conflict));
    for table in ["accounts", "members", "account_members"] {
        assert_eq!(database.count(&format!("SELECT count(*) FROM {table}")).await, 1, "{table}");
    }
}

#[tokio::test]
async fn of_two_changes_of_one_password_the_second_is_a_conflict() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let ada = member(store, "ada@example.com", "t").await;
    store.change_password(ada, "hash", "one", NOW).await.expect("first");
    let second = store.change_password(ada, "hash", "two", NOW).await;
    assert!(matches!(&second, Err(StoreError::Conflict { constraint }) if constraint == PASSWORD_CHANGED), "{second:?}");
    let row = store.member(ada).await.expect("there");
    assert_eq!((row.password_hash.as_str(), row.session_epoch), ("one", 1));
}
