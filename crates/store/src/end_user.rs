//! What stands for a Subject at a provider: a keyed hash, of which nobody can tell who it is.

use std::sync::{Arc, OnceLock};

use hmac::{Hmac, Mac};
use keyward_domain::ids::{AccountId, AppId};
use keyward_domain::issuer::Subject;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::sealing::{KeyRing, SealError};

/// Where an app's key for its users' names comes from; opened when a name is first needed.
pub struct EndUserNames {
    account: AccountId,
    app: AppId,
    wrapped_data_key: Arc<[u8]>,
    key: OnceLock<Zeroizing<[u8; 32]>>,
}

impl EndUserNames {
    pub fn new(account: AccountId, app: AppId, wrapped_data_key: Arc<[u8]>) -> Self {
        Self { account, app, wrapped_data_key, key: OnceLock::new() }
    }

    /// 64 hexadecimal digits, as many as OpenAI takes; another one in another app.
    pub fn name(&self, ring: &KeyRing, subject: &Subject) -> Result<String, SealError> {
        let key = match self.key.get() {
            Some(key) => key,
            None => {
                let opened = ring.open_data_key(self.account, &self.wrapped_data_key)?.end_user_key(self.app);
                self.key.get_or_init(|| opened)
            }
        };
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key.as_ref()).expect("HMAC takes a key of any length");
        mac.update(subject.issuer.0.as_bytes());
        mac.update(subject.sub.as_bytes());
        Ok(hex::encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_domain::ids::IssuerId;
    use uuid::Uuid;

    #[test]
    fn a_name_is_the_same_under_a_new_key_encryption_key_and_another_in_another_app() {
        let (old, new) = ("a".repeat(64), "b".repeat(64));
        let ring = KeyRing::from_hex(&old).expect("64 digits");
        let account = AccountId(Uuid::from_u128(1));
        let wrapped: Arc<[u8]> = ring.new_data_key(account).expect("random").into();
        let app =
            |app: u128, wrapped: &Arc<[u8]>| EndUserNames::new(account, AppId(Uuid::from_u128(app)), wrapped.clone());
        let subject = |sub: &str| Subject { issuer: IssuerId(Uuid::from_u128(3)), sub: sub.to_owned() };
        let name = app(2, &wrapped).name(&ring, &subject("alice")).expect("opens");
        assert!(name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");

        let later = KeyRing::from_hex(&new).expect("64 digits").with_previous(&old).expect("64 digits");
        let rewrapped = later.rewrapped(account, &wrapped).expect("opens").expect("under another key").into();
        assert_eq!(app(2, &rewrapped).name(&later, &subject("alice")), Ok(name.clone()));
        assert_ne!(app(9, &wrapped).name(&ring, &subject("alice")), Ok(name.clone()));
        assert_ne!(app(2, &wrapped).name(&ring, &subject("bob")), Ok(name));
    }
}
