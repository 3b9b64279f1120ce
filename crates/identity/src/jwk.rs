//! Verification keys, from a published key set (RFC 7517) or a shared secret, and the signature check itself.
//! A key that is weak or meant for something else is left out, as if it had not been published.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

use crate::jws::{Algorithm, CompactToken};
use crate::roca;

const MIN_RSA_BITS: usize = 2048;
/// The crypto library's ceiling.
const MAX_RSA_BITS: usize = 8192;
const P256_COORDINATE_BYTES: usize = 32;

/// A key and the one algorithm it may be used with.
pub struct VerificationKey {
    kid: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not belong to this token and key")]
pub struct BadSignature;

impl VerificationKey {
    pub(crate) fn from_secret(secret: &[u8]) -> Self {
        Self { kid: None, algorithm: Algorithm::Hs256, key: DecodingKey::from_secret(secret) }
    }

    /// The only place where a signature is checked.
    pub fn verify(&self, token: &CompactToken<'_>) -> Result<(), BadSignature> {
        if token.algorithm != self.algorithm.name() {
            return Err(BadSignature);
        }
        let algorithm = match self.algorithm {
            Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
            Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
            Algorithm::Hs256 => jsonwebtoken::Algorithm::HS256,
        };
        match crypto::verify(token.signature, token.signing_input.as_bytes(), &self.key, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(BadSignature),
        }
    }
}

/// An issuer's public keys.
pub struct KeySet {
    keys: Vec<VerificationKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeySetError {
    #[error("it is not a JSON key set (an object with a list `keys`)")]
    NotAKeySet,
    #[error("none of its {published} keys can be used: RSA of at least 2048 bits (RS256) or P-256 (ES256) is needed")]
    NoUsableKeys { published: usize },
}

#[derive(Deserialize)]
struct RawKeySet {
    keys: Vec<Value>,
}

/// The members of a JSON Web Key that we read (RFC 7517, section 4; RFC 7518, section 6).
#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    #[serde(flatten)]
    material: RawMaterial,
}

#[derive(Deserialize)]
struct RawMaterial {
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    pub fn parse(json: &[u8]) -> Result<Self, ParseKeySetError> {
        let raw: RawKeySet = serde_json::from_slice(json).map_err(|_| ParseKeySetError::NotAKeySet)?;
        let published = raw.keys.len();
        // A kind of key that we don't know must not spoil the others.
        let keys: Vec<_> =
            raw.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok().and_then(usable)).collect();
        if keys.is_empty() {
            return Err(ParseKeySetError::NoUsableKeys { published });
        }
        Ok(Self { keys })
    }

    /// The key that a token names. Without a `kid` only if there is no choice; never if the set is ambiguous.
    pub fn find(&self, algorithm: Algorithm, kid: Option<&str>) -> Option<&VerificationKey> {
        let is_named = |key: &&VerificationKey| kid.is_none() || key.kid.as_deref() == kid;
        let mut candidates = self.keys.iter().filter(|key| key.algorithm == algorithm).filter(is_named);
        let found = candidates.next()?;
        candidates.next().is_none().then_some(found)
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// JWA names, each once.
    pub fn algorithms(&self) -> Vec<String> {
        let present = |algorithm: &Algorithm| self.keys.iter().any(|key| key.algorithm == *algorithm);
        let known = [Algorithm::Rs256, Algorithm::Es256];
        known.into_iter().filter(present).map(|algorithm| algorithm.name().to_owned()).collect()
    }
}

fn usable(raw: RawKey) -> Option<VerificationKey> {
    let is_for_signatures = raw.usage.as_deref().is_none_or(|usage| usage == "sig");
    let may_verify = raw.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !is_for_signatures || !may_verify {
        return None;
    }
    let (algorithm, key) = match raw.kty.as_str() {
        "RSA" => (Algorithm::Rs256, rsa_key(&raw.material)?),
        "EC" => (Algorithm::Es256, p256_key(&raw.material)?),
        _ => return None,
    };
    let is_meant_for_it = raw.alg.as_deref().is_none_or(|alg| alg == algorithm.name());
    is_meant_for_it.then_some(VerificationKey { kid: raw.kid, algorithm, key })
}

fn rsa_key(material: &RawMaterial) -> Option<DecodingKey> {
    let modulus = unsigned(material.n.as_deref()?)?;
    let exponent = unsigned(material.e.as_deref()?)?;
    let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
    let is_odd_and_above_one = exponent.last()? & 1 == 1 && exponent != [1];
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) || !is_odd_and_above_one || roca::is_fingerprinted(&modulus) {
        return None;
    }
    Some(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

/// A big-endian number without its leading zeros.
fn unsigned(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let start = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[start..].to_vec())
}

/// Whether the point is on the curve is checked by the crypto library at each use.
fn p256_key(material: &RawMaterial) -> Option<DecodingKey> {
    let (x, y) = (material.x.as_deref()?, material.y.as_deref()?);
    let is_coordinate =
        |text: &str| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == P256_COORDINATE_BYTES);
    if material.crv.as_deref() != Some("P-256") || !is_coordinate(x) || !is_coordinate(y) {
        return None;
    }
    DecodingKey::from_ec_components(x, y).ok()
}
