//! The dashboard's own token for "send a test request".

use keyward_domain::ids::{IssuerId, MemberId, ProxyId};
use keyward_identity::test_call;
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use crate::signer::{NOW_SECS, Signer, now, oidc_claims, sign_with_secret};

const KEY: [u8; 32] = [42; 32];
const PROXY: ProxyId = ProxyId(Uuid::from_u128(1));
const MEMBER: MemberId = MemberId(Uuid::from_u128(2));

#[test]
fn a_test_call_is_good_for_its_proxy_for_60_seconds() {
    let token = test_call::mint(&KEY, PROXY, MEMBER, now());
    assert!(test_call::looks_like(&token));
    let verified = test_call::verify(&KEY, PROXY, &token, now() + Duration::seconds(59)).expect("good");
    assert_eq!(verified.subject.issuer, IssuerId(Uuid::nil()));
    assert_eq!(verified.subject.sub, format!("dashboard:{MEMBER}"));
    assert!(test_call::verify(&KEY, PROXY, &token, now() + Duration::seconds(60)).is_none(), "expired");
    assert!(test_call::verify(&KEY, ProxyId(Uuid::from_u128(3)), &token, now()).is_none(), "another proxy");
    assert!(test_call::verify(&[43; 32], PROXY, &token, now()).is_none(), "another key");
    assert!(test_call::verify(&KEY, PROXY, &token, now() - Duration::seconds(10)).is_none(), "from the future");
}

#[test]
fn a_test_call_that_lives_longer_is_refused() {
    let claims = json!({ "iss": "keyward-dashboard", "aud": PROXY.to_string(), "sub": "dashboard:x",
        "iat": NOW_SECS, "exp": NOW_SECS + 61 });
    let token = sign_with_secret(&KEY, &json!({ "alg": "HS256" }), &claims);
    assert!(test_call::verify(&KEY, PROXY, &token, now()).is_none());
}

#[test]
fn a_user_token_does_not_look_like_a_test_call() {
    assert!(!test_call::looks_like(&Signer::p256("one").sign(&oidc_claims())));
    assert!(!test_call::looks_like("sk-123"));
}
