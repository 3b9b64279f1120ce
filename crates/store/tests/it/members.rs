//! Sign-up is one transaction, and a known address changes nothing.

use crate::common::{NOW, member, new_member, owner, token};
use keyward_domain::role::Role;
use keyward_store::StoreError;
use keyward_store::email_tokens::{NewEmailToken, TokenHash, TokenPurpose};
use keyward_store::members::{PASSWORD_CHANGED, SignedUp};
use keyward_store::testing::TestDatabase;
use time::Duration;
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
    assert!(
        matches!(&second, Err(StoreError::Conflict { constraint }) if constraint == PASSWORD_CHANGED),
        "{second:?}"
    );
    let row = store.member(ada).await.expect("there");
    assert_eq!((row.password_hash.as_str(), row.session_epoch), ("one", 1));
}

#[tokio::test]
async fn a_sign_up_that_nobody_confirmed_goes_with_its_account() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let (_, account) = owner(store, "confirmed@example.com").await;
    member(store, "forgotten@example.com", "one").await;
    let waiting = member(store, "waiting@example.com", "two").await;
    let later = NOW + Duration::days(7);
    let link = NewEmailToken { expires_at: later + Duration::HOUR, ..token("three", TokenPurpose::Verify) };
    store.add_email_token(waiting, &link).await.expect("asked for a new link");
    assert_eq!(store.delete_unconfirmed_members(NOW, later).await.expect("works"), 0, "not old enough");
    assert_eq!(store.delete_unconfirmed_members(NOW + Duration::SECOND, later).await.expect("works"), 1);
    for table in ["members", "accounts", "account_members"] {
        assert_eq!(database.count(&format!("SELECT count(*) FROM {table}")).await, 2, "{table}");
    }
    store.account_name(account).await.expect("a member's account stays");
    store.verify_with_token(TokenHash::of("three"), later).await.expect("and so does the chance of who has a link");
    member(store, "forgotten@example.com", "four").await;
}

#[tokio::test]
async fn an_account_with_another_member_outlives_the_one_who_never_confirmed() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let (_, account) = owner(store, "ada@example.com").await;
    let guest = member(store, "guest@example.com", "t").await;
    let join =
        format!("INSERT INTO account_members (account_id, member_id, role) VALUES ('{account}', '{guest}', 'viewer')");
    database.execute(&join).await;
    store.delete_unconfirmed_members(NOW + Duration::DAY, NOW + Duration::DAY).await.expect("works");
    store.account_name(account).await.expect("there");
    assert!(matches!(store.member(guest).await, Err(StoreError::NotFound)));
}
