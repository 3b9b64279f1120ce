//! The compact form of a signed token, taken apart strictly (RFC 7515, section 3.1; RFC 7519).
//! Nothing in here is proof of anything: the signature has not been looked at yet.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Longer tokens are refused unread. Providers' tokens have 1 to 2 KiB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The algorithms we know how to check. Which of them counts is pinned by the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
    Hs256,
}

impl Algorithm {
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "HS256" => Some(Self::Hs256),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTokenError {
    #[error("the token is longer than 8 KiB")]
    TooLong,
    #[error("a token has three parts, separated by dots; this is something else")]
    NotThreeParts,
    #[error("the first part of the token is not a base64url-encoded JSON object with `alg` and, at most, a text `kid`")]
    BadHeader,
    #[error("the token's header has `crit`, which asks for an extension that is not supported")]
    CriticalExtension,
    #[error("the middle part of the token is not a base64url-encoded JSON object")]
    BadClaims,
}

/// Other fields (`jku`, `x5u`, `jwk`, `x5c`) would let a token bring its own key; they are not even read.
#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    #[serde(default, deserialize_with = "text")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// `null` is no text: a token that names its key so is not one that names none (RFC 7515, section 4.1.4).
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// Present with any value, `null` included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// A token whose form is right.
pub struct CompactToken<'t> {
    /// As the header names it; may be one we don't know.
    pub algorithm: String,
    pub kid: Option<String>,
    payload: Vec<u8>,
    pub(crate) signing_input: &'t str,
    pub(crate) signature: &'t str,
}

impl<'t> CompactToken<'t> {
    pub fn parse(token: &'t str) -> Result<Self, ParseTokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(ParseTokenError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(ParseTokenError::NotThreeParts)?;
        let (header, payload) = signing_input.split_once('.').ok_or(ParseTokenError::NotThreeParts)?;
        if payload.contains('.') {
            return Err(ParseTokenError::NotThreeParts);
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| ParseTokenError::BadHeader)?;
        let header: RawHeader = serde_json::from_slice(&header).map_err(|_| ParseTokenError::BadHeader)?;
        if header.crit {
            return Err(ParseTokenError::CriticalExtension);
        }
        // A verifier that skipped over stray characters here would read other claims than were signed.
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| ParseTokenError::BadClaims)?;
        Ok(Self { algorithm: header.alg, kid: header.kid, payload, signing_input, signature })
    }

    /// The claims as the token states them.
    pub fn claims(&self) -> Result<Map<String, Value>, ParseTokenError> {
        serde_json::from_slice(&self.payload).map_err(|_| ParseTokenError::BadClaims)
    }
}
