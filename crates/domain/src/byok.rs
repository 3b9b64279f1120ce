//! The credential of an app user's own provider key: `kwb_{id}_{share}`, the half of it that we do not keep.
//! Must not know how the key is sealed under it.

use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::ids::ByokKeyId;

const PREFIX: &str = "kwb_";
const ID_DIGITS: usize = 32;
const SHARE_DIGITS: usize = 64;

/// Keys that one user may have on one proxy.
pub const MAX_KEYS_PER_OWNER: i64 = 10;

/// The user's half of what opens the key. No `Debug`, no `Serialize`, wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ByokShare([u8; 32]);

impl ByokShare {
    /// From the operating system's random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// All that the database keeps of it. A share is random and long: nothing is gained by a slower hash.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

/// Which key, and the share that opens it.
#[derive(Clone)]
pub struct ByokCredential {
    pub id: ByokKeyId,
    pub share: ByokShare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not of the form kwb_{{32 digits}}_{{64 digits}}")]
pub struct ParseCredentialError;

impl ByokCredential {
    /// Lower-case hexadecimal digits only, so that a credential has one spelling.
    pub fn parse(text: &str) -> Result<Self, ParseCredentialError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ParseCredentialError)?;
        let (id, share) = rest.split_once('_').ok_or(ParseCredentialError)?;
        let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if id.len() != ID_DIGITS || share.len() != SHARE_DIGITS || !is_digits(id) || !is_digits(share) {
            return Err(ParseCredentialError);
        }
        let id = Uuid::try_parse(id).map_err(|_| ParseCredentialError)?;
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(share, bytes.as_mut()).map_err(|_| ParseCredentialError)?;
        Ok(Self { id: ByokKeyId(id), share: ByokShare(*bytes) })
    }

    /// The text that its owner keeps; shown once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let share = Zeroizing::new(hex::encode(self.share.expose()));
        Zeroizing::new(format!("{PREFIX}{}_{}", self.id.0.simple(), share.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential() -> ByokCredential {
        let mut bytes = [7; 32];
        bytes[31] = 0xfe;
        ByokCredential { id: ByokKeyId(Uuid::from_u128(0xabc)), share: ByokShare::from_random(bytes) }
    }

    #[test]
    fn a_credential_is_read_as_it_was_written() {
        let text = credential().reveal();
        assert_eq!(text.len(), PREFIX.len() + ID_DIGITS + 1 + SHARE_DIGITS);
        assert!(!text.contains('~'), "it is separated by one in `Bearer`");
        let read = ByokCredential::parse(&text).expect("its own text");
        assert_eq!((read.id, read.share.expose()), (credential().id, credential().share.expose()));
    }

    #[test]
    fn a_credential_has_one_spelling() {
        let text = credential().reveal();
        for other in [
            text.to_uppercase(),
            text.replace("kwb_", "kwb-"),
            text.replace("kwb_", "KWB_"),
            text[..text.len() - 1].to_owned(),
            format!("{}0", text.as_str()),
            format!(" {}", text.as_str()),
            text.replace("fe", "FE"),
            format!("kwb_{}_{}", credential().id.0, "0".repeat(64)),
            String::new(),
            "kwb_".to_owned(),
            "kwb__".to_owned(),
        ] {
            assert!(ByokCredential::parse(&other).is_err(), "{other}");
        }
    }
}
