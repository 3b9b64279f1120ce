//! Good tokens of every kind of issuer, end to end.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_domain::ids::IssuerId;
use keyward_domain::issuer::{Audiences, ClaimNames, IssuerConfig, OidcDialect, Subject};
use keyward_identity::{LinkedIssuer, SharedSecret, SharedSecretError, TokenRejection};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::issuer_server::{IssuerServer, linked};
use crate::signer::{NOW_SECS, Signer, now, oidc_claims, sign_with_secret, with};

const SECRET: &[u8] = b"super-secret-jwt-token-with-at-least-32-characters";

fn supabase_claims() -> Value {
    json!({ "iss": "https://abcdef.supabase.co/auth/v1", "aud": "authenticated", "sub": "6f1c", "role": "authenticated",
        "exp": NOW_SECS + 3600, "iat": NOW_SECS - 5, "is_anonymous": true })
}

fn supabase_secret() -> Arc<LinkedIssuer> {
    Arc::new(LinkedIssuer {
        id: IssuerId(Uuid::from_u128(8)),
        config: IssuerConfig::SupabaseSecret { issuer: "https://abcdef.supabase.co/auth/v1".parse().expect("a URL") },
        secret: Some(SharedSecret::from_bytes(SECRET).expect("long enough")),
    })
}

#[tokio::test]
async fn accepts_tokens_signed_with_either_public_key_algorithm() {
    for signer in [Signer::rsa("one"), Signer::p256("one")] {
        let server = IssuerServer::publishing(&[&signer]).await;
        let token = signer.sign(&oidc_claims());
        let verified = server.key_sets().verify(&server.oidc(), &token, now()).await.expect("good");
        assert_eq!(verified.subject, Subject { issuer: server.oidc()[0].id, sub: "ada".to_owned() });
        assert_eq!(verified.expires_at.unix_timestamp(), NOW_SECS + 3600);
        assert_eq!(verified.claims["plan"], "pro");
        assert!(!verified.anonymous);
    }
}

#[tokio::test]
async fn accepts_firebase_tokens_with_keys_from_the_overridden_address() {
    let signer = Signer::rsa("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let firebase = linked(IssuerConfig::Firebase { project_id: "demo-app".to_owned() });
    let published = firebase.config.jwks_url().expect("a key set");
    let key_sets = server.key_sets_with(HashMap::from([(published, server.url("/jwks"))]));
    let claims = json!({ "iss": "https://securetoken.google.com/demo-app", "aud": "demo-app", "sub": "ada",
        "exp": NOW_SECS + 3600, "iat": NOW_SECS - 5, "auth_time": NOW_SECS - 5,
        "firebase": { "sign_in_provider": "anonymous" } });
    let issuers = [firebase];
    let verified = key_sets.verify(&issuers, &signer.sign(&claims), now()).await.expect("good");
    assert!(verified.anonymous);

    let without_kid = signer.sign_with(&json!({ "alg": "RS256" }), &claims);
    let refused = key_sets.verify(&issuers, &without_kid, now()).await;
    assert_eq!(refused, Err(TokenRejection::UnknownKey), "Firebase tokens name their key");

    // Same keys, another project: only `iss` and `aud` stand between them.
    let foreign = with(&with(&claims, "iss", json!("https://securetoken.google.com/evil")), "aud", json!("evil"));
    let refused = key_sets.verify(&issuers, &signer.sign(&foreign), now()).await;
    assert_eq!(refused, Err(TokenRejection::NoMatchingIssuer));
    let refused = key_sets.verify(&issuers, &signer.sign(&with(&claims, "aud", json!("evil"))), now()).await;
    assert_eq!(refused, Err(TokenRejection::WrongAudience));
}

#[tokio::test]
async fn a_shared_secret_issuer_accepts_only_hs256() {
    let signer = Signer::rsa("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let issuers = [supabase_secret()];
    let key_sets = server.key_sets();
    let token = sign_with_secret(SECRET, &json!({ "alg": "HS256", "typ": "JWT" }), &supabase_claims());
    let verified = key_sets.verify(&issuers, &token, now()).await.expect("good");
    assert!(verified.anonymous);

    let other_secret = sign_with_secret(&[b'x'; 40], &json!({ "alg": "HS256" }), &supabase_claims());
    assert_eq!(key_sets.verify(&issuers, &other_secret, now()).await, Err(TokenRejection::BadSignature));
    let by_key = signer.sign(&supabase_claims());
    assert_eq!(key_sets.verify(&issuers, &by_key, now()).await, Err(TokenRejection::AlgorithmNotAllowed));
    assert_eq!(server.fetches(), 0);
}

#[tokio::test]
async fn supabase_keys_and_the_legacy_secret_work_side_by_side() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let keys = linked(IssuerConfig::Supabase { issuer: "https://abcdef.supabase.co/auth/v1".parse().expect("a URL") });
    let published = keys.config.jwks_url().expect("a key set");
    let key_sets = server.key_sets_with(HashMap::from([(published, server.url("/jwks"))]));
    for issuers in [[keys.clone(), supabase_secret()], [supabase_secret(), keys.clone()]] {
        let by_key = key_sets.verify(&issuers, &signer.sign(&supabase_claims()), now()).await.expect("by key");
        assert_eq!(by_key.subject.issuer, keys.id);
        let token = sign_with_secret(SECRET, &json!({ "alg": "HS256" }), &supabase_claims());
        let by_secret = key_sets.verify(&issuers, &token, now()).await.expect("by secret");
        assert_eq!(by_secret.subject.issuer, supabase_secret().id);
        let expired = with(&supabase_claims(), "exp", json!(NOW_SECS - 100));
        let token = sign_with_secret(SECRET, &json!({ "alg": "HS256" }), &expired);
        assert_eq!(key_sets.verify(&issuers, &token, now()).await, Err(TokenRejection::Expired));
    }
}

#[tokio::test]
async fn two_audiences_of_one_issuer_work_side_by_side() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let web = server.oidc().remove(0);
    let mobile = Arc::new(LinkedIssuer {
        id: IssuerId(Uuid::from_u128(9)),
        config: IssuerConfig::Oidc {
            issuer: web.config.expected_issuer(),
            audience: Audiences::new(["my-mobile-app".to_owned()]),
            jwks_url: server.url("/jwks").parse().expect("a URL"),
            dialect: OidcDialect::Generic,
            claims: ClaimNames::default(),
        },
        secret: None,
    });
    let issuers = [web, mobile];
    let key_sets = server.key_sets();
    let token = signer.sign(&with(&oidc_claims(), "aud", json!("my-mobile-app")));
    let verified = key_sets.verify(&issuers, &token, now()).await.expect("the second");
    assert_eq!(verified.subject.issuer, issuers[1].id);
    assert!(verified.is_of_one_of(&issuers) && !verified.is_of_one_of(&issuers[..1]));
    let expired = with(&oidc_claims(), "exp", json!(NOW_SECS - 100));
    assert_eq!(key_sets.verify(&issuers, &signer.sign(&expired), now()).await, Err(TokenRejection::Expired));
}

#[test]
fn a_shared_secret_has_at_least_32_characters() {
    assert_eq!(SharedSecret::parse(&"x".repeat(31)).err(), Some(SharedSecretError::TooShort));
    assert!(SharedSecret::parse(&format!(" {}\n", "x".repeat(32))).is_ok());
    assert_eq!(SharedSecret::parse(&"x".repeat(1025)).err(), Some(SharedSecretError::TooLong));
}
