//! Tokens: whatever is made of a good token, only what its issuer signed is ever accepted.

use std::sync::LazyLock;

use keyward_domain::issuer::{Audiences, ClaimNames, IssuerConfig, OidcDialect, check_claims};
use keyward_identity::SharedSecret;
use keyward_identity::jwk::KeySet;
use keyward_identity::jws::{Algorithm, CompactToken};
use serde_json::Value;
use time::OffsetDateTime;

use super::Target;

pub const TARGET: Target =
    Target { name: "jwt", run, seeds: || GOOD.iter().map(|text| text.as_bytes().to_vec()).collect() };

/// Signed for this target with keys that were thrown away; the public ones are beside them.
static FILE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../vectors/good_tokens.json")).expect("a valid file"));
static GOOD: LazyLock<Vec<String>> =
    LazyLock::new(|| serde_json::from_value(FILE["tokens"].clone()).expect("a list of tokens"));
static KEYS: LazyLock<KeySet> =
    LazyLock::new(|| KeySet::parse(FILE["jwks"].to_string().as_bytes()).expect("usable keys"));
static SECRET: LazyLock<SharedSecret> =
    LazyLock::new(|| SharedSecret::parse(FILE["secret"].as_str().expect("a text")).expect("long enough"));

const NOW_SECS: i64 = 1_800_000_000;

fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(token) = CompactToken::parse(text) else { return };
    if let Ok(claims) = token.claims() {
        let now = OffsetDateTime::from_unix_timestamp(NOW_SECS).expect("a date");
        for config in issuers() {
            if let Ok(accepted) = check_claims(&config, &claims, now) {
                assert!(!accepted.sub.is_empty() && accepted.expires_at.unix_timestamp() > NOW_SECS - 61);
                assert_eq!(claims.get("iss").and_then(Value::as_str), Some(config.expected_issuer().as_str()));
            }
        }
    }
    if is_verified(&token) {
        let signed = |text: &str| text.rsplit_once('.').map(|(signed, _)| signed.to_owned());
        assert!(GOOD.iter().any(|good| signed(good) == signed(text)), "accepted what nobody signed: {text}");
    }
}

fn is_verified(token: &CompactToken<'_>) -> bool {
    match Algorithm::from_name(&token.algorithm) {
        None => false,
        Some(Algorithm::Hs256) => SECRET.verification_key().verify(token).is_ok(),
        Some(algorithm @ (Algorithm::Rs256 | Algorithm::Es256)) => {
            KEYS.find(algorithm, token.kid.as_deref()).is_some_and(|key| key.verify(token).is_ok())
        }
    }
}

fn issuers() -> [IssuerConfig; 3] {
    let url = |text: &str| text.parse().expect("a URL");
    [
        IssuerConfig::Firebase { project_id: "demo-app".to_owned() },
        IssuerConfig::Supabase { issuer: url("https://abcdef.supabase.co/auth/v1") },
        IssuerConfig::Oidc {
            issuer: "https://login.example.com/".to_owned(),
            audience: Audiences::new(["my-app".to_owned()]),
            jwks_url: url("https://login.example.com/jwks"),
            dialect: OidcDialect::Generic,
            claims: ClaimNames::default(),
        },
    ]
}
