use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header, jwk::JwkSet};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Emulator;

const GENERIC: &str = "/.well-known/jwks.json";
const SUPABASE: &str = "/auth/v1/.well-known/jwks.json";
const FIREBASE: &str = "/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";

async fn keys(emulator: &Emulator, path: &str) -> JwkSet {
    serde_json::from_value(emulator.control(Method::GET, path, None).await).expect("a key set")
}

async fn token(emulator: &Emulator, request: Value) -> String {
    let minted = emulator.control(Method::POST, "/token", Some(request)).await;
    assert!(minted["expires_at"].is_i64(), "{minted}");
    minted["token"].as_str().expect("a token").to_owned()
}

fn verify(token: &str, keys: &JwkSet, iss: &str, aud: &str) -> Option<TokenData<Value>> {
    let header = decode_header(token).ok()?;
    let jwk = keys.find(header.kid.as_deref()?)?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[iss]);
    validation.set_audience(&[aud]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    decode(token, &DecodingKey::from_jwk(jwk).ok()?, &validation).ok()
}

#[tokio::test]
async fn tokens_of_every_shape_verify_against_their_key_set() {
    let emulator = Emulator::start();
    let supabase = format!("{}/auth/v1", emulator.url);
    let cases = [
        ("generic", GENERIC, emulator.url.as_str(), "keyward-app", Algorithm::RS256),
        ("firebase", FIREBASE, "https://securetoken.google.com/demo-project", "demo-project", Algorithm::RS256),
        ("supabase", SUPABASE, supabase.as_str(), "authenticated", Algorithm::ES256),
        (
            "app_check",
            "/v1/jwks",
            "https://firebaseappcheck.googleapis.com/demo-project",
            "projects/demo-project",
            Algorithm::RS256,
        ),
    ];
    for (shape, path, iss, aud, alg) in cases {
        let token = token(&emulator, json!({"shape": shape, "sub": "alice"})).await;
        let verified = verify(&token, &keys(&emulator, path).await, iss, aud).expect(shape);
        assert_eq!(verified.header.alg, alg, "{shape}");
        assert_eq!(verified.claims["sub"], "alice", "{shape}");
    }
}

#[tokio::test]
async fn claims_and_header_can_be_replaced_and_removed() {
    let emulator = Emulator::start();
    let request = json!({
        "alg": "ES256", "claims": {"plan": "pro", "aud": ["other", "keyward-app"], "iat": null},
        "header": {"typ": null},
    });
    let token = token(&emulator, request).await;
    let verified = verify(&token, &keys(&emulator, GENERIC).await, &emulator.url, "keyward-app").expect("valid");
    assert_eq!(verified.claims["plan"], "pro");
    assert!(verified.claims.get("iat").is_none());
    assert_eq!(verified.header.typ, None);
}

#[tokio::test]
async fn one_curl_line_gives_a_bare_token() {
    let emulator = Emulator::start();
    let answer = emulator.request(Method::GET, "/token?sub=demo&anonymous=true&shape=supabase").send().await.unwrap();
    let token = answer.text().await.unwrap();
    let iss = format!("{}/auth/v1", emulator.url);
    let verified = verify(&token, &keys(&emulator, SUPABASE).await, &iss, "authenticated").expect("valid");
    assert_eq!(verified.claims["is_anonymous"], true);
    assert_eq!(verified.claims["sub"], "demo");
}

#[tokio::test]
async fn bad_tokens_do_not_verify() {
    let emulator = Emulator::start();
    let keys = keys(&emulator, GENERIC).await;
    for request in [
        json!({"ttl_secs": -3600}),
        json!({"sign_with": "unknown_key"}),
        json!({"alg": "ES256", "sign_with": "unknown_key"}),
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"kid": "nobody"}),
        json!({"header": {"kid": null}}),
        json!({"claims": {"exp": null}}),
    ] {
        let token = token(&emulator, request.clone()).await;
        assert_eq!(token.split('.').count(), 3);
        assert!(verify(&token, &keys, &emulator.url, "keyward-app").is_none(), "{request}");
    }
}

#[tokio::test]
async fn an_hs256_token_verifies_with_its_secret() {
    let emulator = Emulator::start();
    let token = token(&emulator, json!({"shape": "supabase", "alg": "HS256", "hs256_secret": "s3cret"})).await;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["authenticated"]);
    assert!(decode::<Value>(&token, &DecodingKey::from_secret(b"s3cret"), &validation).is_ok());
}

#[tokio::test]
async fn rotation_keeps_or_drops_the_previous_keys() {
    let emulator = Emulator::start();
    let verifies =
        async |token: &str| verify(token, &keys(&emulator, GENERIC).await, &emulator.url, "keyward-app").is_some();
    let first = token(&emulator, json!({})).await;
    assert!(verifies(&first).await);

    let rotated = emulator.control(Method::POST, "/keys/rotate", Some(json!({"keep_previous": true}))).await;
    assert_eq!(rotated["kids"].as_array().map(Vec::len), Some(4));
    let second = token(&emulator, json!({})).await;
    assert!(verifies(&first).await && verifies(&second).await);

    emulator.control(Method::POST, "/keys/rotate", Some(json!({"keep_previous": false}))).await;
    assert!(!verifies(&first).await && !verifies(&second).await);
    assert!(verifies(&token(&emulator, json!({})).await).await);
    assert!(!verifies(&token(&emulator, json!({"sign_with": "previous"})).await).await);
}

#[tokio::test]
async fn fetches_of_key_sets_are_counted_and_cacheable() {
    let emulator = Emulator::start();
    let answer = emulator.request(Method::GET, GENERIC).send().await.unwrap();
    assert!(answer.headers()["cache-control"].to_str().unwrap().contains("max-age="));
    keys(&emulator, FIREBASE).await;
    let hits = emulator.control(Method::GET, "/_jwks_hits", None).await;
    assert_eq!(hits, json!({"total": 2, "by_path": {GENERIC: 1, FIREBASE: 1}}));
}

#[tokio::test]
async fn discovery_names_the_key_set() {
    let emulator = Emulator::start();
    let document = emulator.control(Method::GET, "/.well-known/openid-configuration", None).await;
    assert_eq!(document["issuer"], emulator.url);
    assert_eq!(document["jwks_uri"], format!("{}{GENERIC}", emulator.url));
}
