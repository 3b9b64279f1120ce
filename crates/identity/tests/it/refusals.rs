//! Bad tokens: each is refused by name, and none of them costs a fetch that it should not.

use std::sync::Arc;

use keyward_domain::issuer::IssuerConfig;
use keyward_identity::TokenRejection;
use keyward_identity::jwk::KeySet;
use keyward_identity::jws::{CompactToken, MAX_TOKEN_BYTES, ParseTokenError};
use serde_json::json;

use crate::issuer_server::{Answer, IssuerServer, linked};
use crate::signer::{NOW_SECS, Signer, encode, key_set, now, oidc_claims, sign_with_secret, with};

#[tokio::test]
async fn a_bad_token_costs_no_network() {
    let signer = Signer::rsa("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    let claims = oidc_claims();
    let changed = |name: &str, value| signer.sign(&with(&claims, name, value));
    let headed = |header| signer.sign_with(&header, &claims);
    let cases = [
        (String::new(), TokenRejection::Malformed),
        ("a.b".to_owned(), TokenRejection::Malformed),
        ("a.b.c".to_owned(), TokenRejection::Malformed),
        (format!("{}.x", signer.sign(&claims)), TokenRejection::Malformed),
        ("x".repeat(MAX_TOKEN_BYTES + 1), TokenRejection::TooLong),
        (headed(json!({ "alg": "RS256", "kid": "one", "crit": ["exp"] })), TokenRejection::Malformed),
        (headed(json!({ "alg": "RS256", "kid": "one", "crit": null })), TokenRejection::Malformed),
        (headed(json!({ "alg": "RS256", "kid": 1 })), TokenRejection::Malformed),
        (headed(json!({ "alg": "RS256", "kid": null })), TokenRejection::Malformed),
        (headed(json!({ "kid": "one" })), TokenRejection::Malformed),
        (headed(json!({ "alg": "none", "kid": "one" })), TokenRejection::AlgorithmNotAllowed),
        (headed(json!({ "alg": "HS256", "kid": "one" })), TokenRejection::AlgorithmNotAllowed),
        (headed(json!({ "alg": "RS512", "kid": "one" })), TokenRejection::AlgorithmNotAllowed),
        (headed(json!({ "alg": "rs256", "kid": "one" })), TokenRejection::AlgorithmNotAllowed),
        (signer.sign(&json!(["not", "claims"])), TokenRejection::Malformed),
        (changed("iss", json!("https://other.example.com/")), TokenRejection::NoMatchingIssuer),
        (changed("iss", json!(1)), TokenRejection::BadClaim { claim: "iss", reason: "is not a string" }),
        (changed("aud", json!("other")), TokenRejection::WrongAudience),
        (changed("sub", json!("")), TokenRejection::BadClaim { claim: "sub", reason: "is empty" }),
        (changed("exp", json!(NOW_SECS - 60)), TokenRejection::Expired),
        (changed("nbf", json!(NOW_SECS + 61)), TokenRejection::NotYetValid),
        (changed("nbf", json!(NOW_SECS as f64 + 60.5)), TokenRejection::NotYetValid),
        (changed("iat", json!(NOW_SECS + 61)), TokenRejection::NotYetValid),
        (
            signer.sign(&json!({ "iss": claims["iss"], "aud": "my-app", "sub": "ada" })),
            TokenRejection::MissingClaim("exp"),
        ),
        (signer.sign(&json!({ "sub": "ada" })), TokenRejection::MissingClaim("iss")),
    ];
    for (token, rejection) in cases {
        let short = token.chars().take(40).collect::<String>();
        assert_eq!(key_sets.verify(&issuers, &token, now()).await, Err(rejection), "{short}");
    }
    assert_eq!(key_sets.verify(&[], &signer.sign(&claims), now()).await, Err(TokenRejection::NoMatchingIssuer));
    assert_eq!(server.fetches(), 0);
}

#[tokio::test]
async fn a_wrong_signature_costs_no_more_than_the_first_fetch() {
    let (signer, stranger) = (Signer::rsa("one"), Signer::rsa("one"));
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    let good = signer.sign(&oidc_claims());
    let (message, _) = good.rsplit_once('.').expect("three parts");
    let forged_claims = encode(with(&oidc_claims(), "sub", json!("eve")).to_string());
    let parts: Vec<_> = good.split('.').collect();
    let forged = [
        stranger.sign(&oidc_claims()),
        format!("{message}."),
        format!("{message}.{}", encode([0; 256])),
        format!("{}.{forged_claims}.{}", parts[0], parts[2]),
    ];
    for token in &forged {
        assert_eq!(key_sets.verify(&issuers, token, now()).await, Err(TokenRejection::BadSignature));
    }
    assert_eq!(server.fetches(), 1);
    assert!(key_sets.verify(&issuers, &good, now()).await.is_ok());
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_never_used() {
    let (signer, attacker) = (Signer::rsa("one"), Signer::rsa("evil"));
    let server = IssuerServer::publishing(&[&signer]).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    let elsewhere = server.url("/elsewhere");
    for (name, value) in [
        ("jwk", attacker.jwk()),
        ("jku", json!(elsewhere)),
        ("x5u", json!(elsewhere)),
        ("x5c", json!([encode("certificate")])),
    ] {
        for (kid, rejection) in [("evil", TokenRejection::UnknownKey), ("one", TokenRejection::BadSignature)] {
            let token = attacker.sign_with(&json!({ "alg": "RS256", "kid": kid, name: value }), &oidc_claims());
            assert_eq!(key_sets.verify(&issuers, &token, now()).await, Err(rejection), "{name} {kid}");
        }
    }
    assert_eq!(server.visits_elsewhere(), 0);
}

#[tokio::test]
async fn a_public_key_is_never_taken_for_a_shared_secret() {
    let signer = Signer::p256("one");
    let server = IssuerServer::publishing(&[&signer]).await;
    let public = signer.jwk().to_string();
    let token = sign_with_secret(public.as_bytes(), &json!({ "alg": "HS256", "kid": "one" }), &oidc_claims());
    let refused = server.key_sets().verify(&server.oidc(), &token, now()).await;
    assert_eq!(refused, Err(TokenRejection::AlgorithmNotAllowed));
}

#[tokio::test]
async fn keys_that_are_weak_or_meant_for_something_else_are_not_used() {
    let signer = Signer::p256("good");
    let stranger = Signer::p256("oct");
    let short_modulus = encode([0xff; 128]);
    let set = json!({ "keys": [
        signer.jwk(),
        { "kty": "RSA", "kid": "rsa-1024", "n": short_modulus, "e": "AQAB" },
        { "kty": "oct", "kid": "oct", "k": encode([1; 32]) },
        { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": encode([1; 32]) },
        with(&with(&stranger.jwk(), "kid", json!("for-encryption")), "use", json!("enc")),
        "not a key",
    ]});
    let server = IssuerServer::start(Answer::Json(set.to_string())).await;
    let (key_sets, issuers) = (server.key_sets(), server.oidc());
    assert!(key_sets.verify(&issuers, &signer.sign(&oidc_claims()), now()).await.is_ok());
    for kid in ["rsa-1024", "oct", "ed", "for-encryption"] {
        let token = stranger.sign_with(&json!({ "alg": "ES256", "kid": kid }), &oidc_claims());
        assert_eq!(key_sets.verify(&issuers, &token, now()).await, Err(TokenRejection::UnknownKey), "{kid}");
    }
}

#[test]
fn rsa_keys_have_2048_to_8192_bits_and_a_sound_exponent() {
    let is_usable = |first_byte: u8, bytes: usize, exponent: &[u8]| {
        let mut modulus = vec![0xff; bytes];
        modulus[0] = first_byte;
        let key = json!({ "kty": "RSA", "kid": "one", "n": encode(modulus), "e": encode(exponent) });
        KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()).is_ok()
    };
    let usual = &[1, 0, 1];
    assert!(is_usable(0x80, 256, usual), "2048 bits");
    assert!(is_usable(0, 257, usual), "2048 bits after a zero byte");
    assert!(is_usable(0xff, 1024, usual), "8192 bits");
    assert!(!is_usable(0x7f, 256, usual), "2047 bits");
    assert!(!is_usable(0, 256, usual), "2040 bits behind a zero byte");
    assert!(!is_usable(0xff, 128, usual), "1024 bits");
    assert!(!is_usable(0xff, 1025, usual), "8200 bits");
    for exponent in [&[1][..], &[2], &[0, 1], &[0], &[]] {
        assert!(!is_usable(0xff, 256, exponent), "{exponent:?}");
    }
}

#[tokio::test]
async fn a_key_id_that_two_keys_share_names_neither() {
    let (one, other) = (Signer::p256("same"), Signer::p256("same"));
    let server = IssuerServer::start(Answer::Json(key_set(&[&one, &other]))).await;
    let refused = server.key_sets().verify(&server.oidc(), &one.sign(&oidc_claims()), now()).await;
    assert_eq!(refused, Err(TokenRejection::UnknownKey));
}

#[tokio::test]
async fn a_supabase_project_key_is_refused_by_its_role() {
    let server = IssuerServer::publishing(&[&Signer::p256("one")]).await;
    let issuers =
        [linked(IssuerConfig::Supabase { issuer: "https://abcdef.supabase.co/auth/v1".parse().expect("a URL") })];
    for role in ["anon", "service_role"] {
        let claims = json!({ "iss": "supabase", "ref": "abcdef", "role": role, "iat": 1, "exp": NOW_SECS + 3600 });
        let token = sign_with_secret(&[7; 32], &json!({ "alg": "HS256" }), &claims);
        let refused = server.key_sets().verify(&issuers, &token, now()).await;
        assert_eq!(refused, Err(TokenRejection::RoleRefused), "{role}");
    }
    assert!(Arc::strong_count(&issuers[0]) == 1);
}

#[test]
fn a_token_of_8_kib_is_the_longest() {
    let filler = |bytes: usize| format!("{}.e30.{}", encode(r#"{"alg":"RS256"}"#), "A".repeat(bytes));
    let overhead = filler(0).len();
    assert!(CompactToken::parse(&filler(MAX_TOKEN_BYTES - overhead)).is_ok());
    let refused = CompactToken::parse(&filler(MAX_TOKEN_BYTES - overhead + 1)).err();
    assert_eq!(refused, Some(ParseTokenError::TooLong));
}
