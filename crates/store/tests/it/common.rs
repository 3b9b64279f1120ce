//! A member in a fresh database, for the tests beside.
use keyward_domain::ids::{AccountId, MemberId};
use keyward_store::Store;
use keyward_store::email_tokens::{NewEmailToken, TokenHash, TokenPurpose};
use keyward_store::members::{NewMember, SignedUp};
use keyward_store::sealing::KeyRing;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub const NOW: OffsetDateTime = datetime!(2026-03-01 12:30 UTC);

pub fn key_ring() -> KeyRing {
    KeyRing::from_hex(&"5a".repeat(32)).expect("64 digits")
}

/// Lives for an hour.
pub fn token(text: &str, purpose: TokenPurpose) -> NewEmailToken {
    NewEmailToken { hash: TokenHash::of(text), purpose, expires_at: NOW + Duration::HOUR }
}

pub fn new_member(email: &str) -> NewMember {
    let account = AccountId(Uuid::new_v4());
    NewMember {
        member: MemberId(Uuid::new_v4()),
        account,
        email: email.to_owned(),
        password_hash: "hash".to_owned(),
        account_name: "Account".to_owned(),
        wrapped_data_key: key_ring().new_data_key(account).expect("random"),
    }
}

/// Signed up, not verified; `verify_token` is out.
pub async fn member(store: &Store, email: &str, verify_token: &str) -> MemberId {
    let new = new_member(email);
    let outcome = store.sign_up(&new, |_| token(verify_token, TokenPurpose::Verify), NOW).await.expect("signs up");
    assert_eq!(outcome, SignedUp::New(new.member));
    new.member
}

/// Verified, with the account.
pub async fn owner(store: &Store, email: &str) -> (MemberId, AccountId) {
    let member = member(store, email, email).await;
    store.verify_with_token(TokenHash::of(email), NOW).await.expect("verifies");
    (member, store.membership(member).await.expect("owns an account").account)
}
