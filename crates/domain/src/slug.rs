//! The public name of a Proxy in the edge's address: random, short, telling nothing about its owner.

use serde::{Deserialize, Serialize};

/// 12 characters of `a-z2-7` (60 random bits).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProxySlug(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a proxy slug is 12 characters of a-z and 2-7")]
pub struct ParseSlugError;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const LENGTH: usize = 12;

impl ProxySlug {
    pub fn parse(text: &str) -> Result<Self, ParseSlugError> {
        let well_formed = text.len() == LENGTH && text.bytes().all(|b| ALPHABET.contains(&b));
        well_formed.then(|| Self(text.to_owned())).ok_or(ParseSlugError)
    }

    /// Five bits of each byte are used.
    pub fn from_random(bytes: [u8; LENGTH]) -> Self {
        Self(bytes.iter().map(|b| char::from(ALPHABET[usize::from(b & 31)])).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProxySlug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ProxySlug {
    type Error = ParseSlugError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ProxySlug> for String {
    fn from(slug: ProxySlug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_make_a_slug_that_parses() {
        let slug = ProxySlug::from_random([0, 31, 32, 255, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(ProxySlug::parse(slug.as_str()), Ok(slug));
    }

    #[test]
    fn refuses_what_is_not_a_slug() {
        for text in ["", "ABCDEFGHIJKL", "abcdefghijk", "abcdefghijklm", "abcdefghij/l", "abcdefghij1l"] {
            assert_eq!(ProxySlug::parse(text), Err(ParseSlugError), "{text:?}");
        }
    }
}
