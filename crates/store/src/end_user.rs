//! What stands for a Subject at a provider: a keyed hash, of which nobody can tell who it is.

use std::sync::{Arc, OnceLock};

use hmac::{Hmac, Mac};
use keyward_domain::ids::{AccountId, AppId};
use keyward_domain::issuer::Subject;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::sealing::{KeyRing, SealError};

const IDEMPOTENCY: &[u8] = b"idempotency keys";

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
        let mut mac = mac(self.key(ring)?);
        mac.update(subject.issuer.0.as_bytes());
        mac.update(subject.sub.as_bytes());
        Ok(hex::encode(mac.finalize().into_bytes()))
    }

    /// What stands for a Subject's own idempotency key: the provider sees all users under one API key, and would answer
    /// the one with what the other did.
    pub fn idempotency_key(&self, ring: &KeyRing, subject: &Subject, given: &[u8]) -> Result<String, SealError> {
        // A key of its own, so that no value gives somebody's name.
        let mut mac = mac(&mac(self.key(ring)?).chain_update(IDEMPOTENCY).finalize().into_bytes());
        mac.update(subject.issuer.0.as_bytes());
        // With its length, so that no two of them run together.
        mac.update(&(subject.sub.len() as u64).to_be_bytes());
        mac.update(subject.sub.as_bytes());
        mac.update(given);
        Ok(hex::encode(mac.finalize().into_bytes()))
    }

    fn key(&self, ring: &KeyRing) -> Result<&[u8; 32], SealError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let opened = ring.open_data_key(self.account, &self.wrapped_data_key)?.end_user_key(self.app);
        Ok(self.key.get_or_init(|| opened))
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes a key of any length")
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

    #[test]
    fn an_idempotency_key_is_the_same_again_for_one_user_and_another_for_every_other() {
        let ring = KeyRing::from_hex(&"a".repeat(64)).expect("64 digits");
        let account = AccountId(Uuid::from_u128(1));
        let wrapped: Arc<[u8]> = ring.new_data_key(account).expect("random").into();
        let names = EndUserNames::new(account, AppId(Uuid::from_u128(2)), wrapped);
        let subject = |sub: &str| Subject { issuer: IssuerId(Uuid::from_u128(3)), sub: sub.to_owned() };
        let sent = |sub: &str, given: &[u8]| names.idempotency_key(&ring, &subject(sub), given).expect("opens");
        let alices = sent("alice", b"order-1");
        assert_eq!(alices, sent("alice", b"order-1"));
        assert_eq!(alices.len(), 64);
        for other in [sent("bob", b"order-1"), sent("alice", b"order-2"), sent("aliceorder", b"-1")] {
            assert_ne!(alices, other);
        }
        assert_ne!(sent("alice", b""), names.name(&ring, &subject("alice")).expect("opens"));
    }
}
