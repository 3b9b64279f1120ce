//! Tokens of links in mails: 256 random bits, of which the database sees only the hash.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyward_store::email_tokens::{NewEmailToken, TokenHash, TokenPurpose};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::ControlError;

/// In the clear, on its way into a mail.
pub(crate) struct LinkToken(Zeroizing<String>);

impl LinkToken {
    pub fn random() -> Result<Self, ControlError> {
        let bytes = random_bytes::<32>()?;
        Ok(Self(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn to_store(&self, purpose: TokenPurpose, now: OffsetDateTime) -> NewEmailToken {
        let lifetime = match purpose {
            TokenPurpose::Verify => Duration::hours(24),
            TokenPurpose::Reset => Duration::minutes(10),
        };
        NewEmailToken { hash: TokenHash::of(self.as_str()), purpose, expires_at: now + lifetime }
    }
}

/// The answer for a token that is unknown, used or expired.
pub(crate) fn dead_link() -> ControlError {
    ControlError::invalid("token", "this link was used already or has expired; ask for a new one")
}

pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], ControlError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "no random bytes from the operating system");
        ControlError::Internal
    })?;
    Ok(bytes)
}
