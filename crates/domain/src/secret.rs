//! Plaintext secrets: no `Serialize`, nothing in `Debug`, wiped on drop.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A provider's key as the developer typed it. Printable ASCII without blanks, 8 to 4096 characters.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ProviderKey(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseKeyError {
    #[error("the key is shorter than 8 characters; paste the whole key")]
    TooShort,
    #[error("the key is longer than 4096 characters")]
    TooLong,
    #[error("the key has a blank, a line break or a non-ASCII character in it; paste only the key")]
    BadCharacter,
}

impl ProviderKey {
    pub fn parse(text: &str) -> Result<Self, ParseKeyError> {
        let text = text.trim();
        match text.len() {
            0..8 => Err(ParseKeyError::TooShort),
            4097.. => Err(ParseKeyError::TooLong),
            _ if !text.bytes().all(|b| b.is_ascii_graphic()) => Err(ParseKeyError::BadCharacter),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The only way to the plaintext; called where it is sealed and where it goes upstream.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hint(&self) -> KeyHint {
        KeyHint(self.0[self.0.len() - 4..].to_owned())
    }
}

impl std::fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProviderKey(…)")
    }
}

/// The last four characters of a key, which is all the dashboard ever shows again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHint(pub String);

impl std::fmt::Display for KeyHint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "…{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_only_its_last_four_characters() {
        let key = ProviderKey::parse(" sk-secret-1234\n").expect("trimmed");
        assert_eq!(key.hint().to_string(), "…1234");
        assert_eq!(format!("{key:?}"), "ProviderKey(…)");
    }

    #[test]
    fn refuses_keys_that_cannot_go_into_a_header() {
        for (text, want) in [
            ("short", ParseKeyError::TooShort),
            ("with a blank in it", ParseKeyError::BadCharacter),
            ("line\r\nInjected: yes", ParseKeyError::BadCharacter),
            ("schlüssel-1234", ParseKeyError::BadCharacter),
        ] {
            assert_eq!(ProviderKey::parse(text).expect_err(text), want, "{text:?}");
        }
    }
}
