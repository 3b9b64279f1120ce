//! Keys that sign tokens as an issuer would, and the claims of its tokens.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::OffsetDateTime;

pub const NOW_SECS: i64 = 1_800_000_000;

pub fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW_SECS).expect("a date")
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

enum Key {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

pub struct Signer {
    pub kid: String,
    key: Key,
}

impl Signer {
    pub fn rsa(kid: &str) -> Self {
        Self { kid: kid.to_owned(), key: Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")) }
    }

    pub fn p256(kid: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { kid: kid.to_owned(), key: Key::P256(key) }
    }

    pub fn algorithm(&self) -> &'static str {
        match self.key {
            Key::Rsa(_) => "RS256",
            Key::P256(_) => "ES256",
        }
    }

    pub fn jwk(&self) -> Value {
        match &self.key {
            Key::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
                    "n": encode(n.big_endian_without_leading_zero()), "e": encode(e.big_endian_without_leading_zero()) })
            }
            Key::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "use": "sig", "crv": "P-256", "kid": self.kid,
                    "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
        }
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": self.algorithm(), "typ": "JWT", "kid": self.kid }), claims)
    }

    /// A good signature under any header.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match &self.key {
            Key::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).expect("signed");
                signature
            }
            Key::P256(pair) => pair.sign(&random, message.as_bytes()).expect("signed").as_ref().to_vec(),
        };
        format!("{message}.{}", encode(signature))
    }
}

/// HS256 over any header and claims.
pub fn sign_with_secret(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    format!("{message}.{}", encode(aws_lc_rs::hmac::sign(&key, message.as_bytes())))
}

pub fn key_set(signers: &[&Signer]) -> String {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() }).to_string()
}

pub const OIDC_ISSUER: &str = "https://login.example.com/";

/// What the tests' OpenID Connect issuer puts into a token.
pub fn oidc_claims() -> Value {
    json!({ "iss": OIDC_ISSUER, "aud": "my-app", "sub": "ada", "iat": NOW_SECS - 5, "exp": NOW_SECS + 3600, "plan": "pro" })
}

pub fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut changed = claims.clone();
    changed[name] = value;
    changed
}
