//! An issuer that an app has linked, with its secret when it has one.

use keyward_domain::ids::IssuerId;
use keyward_domain::issuer::IssuerConfig;

use crate::jwk::VerificationKey;

/// RFC 7518, section 3.2: a key of at least the hash's size.
const MIN_SECRET_BYTES: usize = 32;
const MAX_SECRET_BYTES: usize = 1024;

pub struct LinkedIssuer {
    pub id: IssuerId,
    pub config: IssuerConfig,
    /// For the issuers that sign with a shared secret, and for no other.
    pub secret: Option<SharedSecret>,
}

/// A secret shared with an issuer (HS256). No `Debug`; wiped on drop by the key it turns into.
pub struct SharedSecret(VerificationKey);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharedSecretError {
    #[error("the secret is shorter than 32 characters; paste the whole JWT secret")]
    TooShort,
    #[error("the secret is longer than 1024 characters; this is not a JWT secret")]
    TooLong,
}

impl SharedSecret {
    /// The text itself is the key, as Supabase uses it: it is not decoded from base64.
    pub fn parse(text: &str) -> Result<Self, SharedSecretError> {
        Self::from_bytes(text.trim().as_bytes())
    }

    pub fn from_bytes(secret: &[u8]) -> Result<Self, SharedSecretError> {
        match secret.len() {
            0..MIN_SECRET_BYTES => Err(SharedSecretError::TooShort),
            MIN_SECRET_BYTES..=MAX_SECRET_BYTES => Ok(Self(VerificationKey::from_secret(secret))),
            _ => Err(SharedSecretError::TooLong),
        }
    }

    pub fn verification_key(&self) -> &VerificationKey {
        &self.0
    }
}
