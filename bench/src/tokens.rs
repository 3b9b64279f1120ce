//! Signs users' tokens, as many as are wanted, and publishes the keys.

use anyhow::anyhow;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub const AUDIENCE: &str = "keyward-bench";
/// Of the issuer whose tokens cost next to nothing.
pub const SHARED_SECRET: &str = "bench-shared-secret-of-more-than-32-bytes";
/// 2100: no token expires within a run.
const EXPIRES_AT: u64 = 4_102_444_800;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
    Hs256,
}

pub struct Mint {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    shared: hmac::Key,
}

impl Mint {
    pub fn new() -> anyhow::Result<Self> {
        let refused = |_| anyhow!("no key could be made");
        Ok(Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).map_err(refused)?,
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(refused)?,
            shared: hmac::Key::new(hmac::HMAC_SHA256, SHARED_SECRET.as_bytes()),
        })
    }

    pub fn key_set(&self) -> Value {
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let rsa = self.rsa.public_key();
        // SEC 1, 2.3.3: 4, then x and y of 32 bytes each.
        let (x, y) = self.ec.public_key().as_ref()[1..].split_at(32);
        json!({"keys": [
            {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa",
                "n": encode(rsa.modulus().big_endian_without_leading_zero()),
                "e": encode(rsa.exponent().big_endian_without_leading_zero())},
            {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "ec", "x": encode(x), "y": encode(y)},
        ]})
    }

    /// `serial` makes it another token for the same user.
    pub fn token(&self, issuer: &str, algorithm: Algorithm, user: &str, serial: usize) -> anyhow::Result<String> {
        let (alg, kid) = match algorithm {
            Algorithm::Rs256 => ("RS256", "rsa"),
            Algorithm::Es256 => ("ES256", "ec"),
            Algorithm::Hs256 => ("HS256", "shared"),
        };
        let header = json!({"alg": alg, "typ": "JWT", "kid": kid});
        let audience = if algorithm == Algorithm::Hs256 { "authenticated" } else { AUDIENCE };
        let claims = json!({
            "iss": issuer, "aud": audience, "sub": user, "iat": 1_700_000_000_u64, "exp": EXPIRES_AT,
            "email": format!("{user}@example.com"), "name": "A User", "role": "authenticated",
            "jti": format!("{serial:012}"),
        });
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = self.sign(algorithm, message.as_bytes())?;
        Ok(format!("{message}.{}", encode(&signature)))
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (random, refused) = (SystemRandom::new(), |_| anyhow!("a token could not be signed"));
        match algorithm {
            Algorithm::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(refused)?;
                Ok(signature)
            }
            Algorithm::Es256 => Ok(self.ec.sign(&random, message).map_err(refused)?.as_ref().to_vec()),
            Algorithm::Hs256 => Ok(hmac::sign(&self.shared, message).as_ref().to_vec()),
        }
    }
}
