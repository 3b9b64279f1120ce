//! Sealing of an app user's own provider key, 2 of 2: under our part, which is random for each key and itself sealed
//! under the account's data key, and under the share that only the user has. Neither opens it alone.

use hkdf::Hkdf;
use keyward_domain::byok::ByokShare;
use keyward_domain::ids::{AppId, ByokKeyId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::secret::ProviderKey;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::sealing::{DataKey, SealError, bind, open, seal};

const PURPOSE: &[u8] = b"keyward byok v1";
const PART_LENGTH: usize = 32;

/// All that the key is bound to, beside the account of the data key and the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByokContext {
    pub app: AppId,
    pub owner: Subject,
    pub proxy: ProxyId,
    pub provider: String,
    /// `scheme://host:port` of the base URL.
    pub origin: String,
    /// JSON of the `KeyPlacement`.
    pub placement: String,
}

/// What the database holds of it. The share itself is nowhere.
#[derive(Clone)]
pub struct SealedByokKey {
    pub version: i32,
    pub server_part: Vec<u8>,
    pub sealed: Vec<u8>,
    pub share_hash: Vec<u8>,
}

/// What a user is given of a new key.
pub fn new_share() -> Result<ByokShare, SealError> {
    let mut bytes = Zeroizing::new([0; PART_LENGTH]);
    getrandom::fill(bytes.as_mut()).map_err(|_| SealError::NoRandomness)?;
    Ok(ByokShare::from_random(*bytes))
}

impl DataKey {
    pub fn seal_byok_key(
        &self,
        id: ByokKeyId,
        (context, version): (&ByokContext, i32),
        share: &ByokShare,
        key: &ProviderKey,
    ) -> Result<SealedByokKey, SealError> {
        let mut part = Zeroizing::new([0; PART_LENGTH]);
        getrandom::fill(part.as_mut()).map_err(|_| SealError::NoRandomness)?;
        let under = sealing_key(part.as_ref(), share, id);
        Ok(SealedByokKey {
            version,
            server_part: self.seal_bytes(part.as_ref(), &self.part_binding(id))?,
            sealed: seal(&under, key.expose().as_bytes(), &self.key_binding(id, context, version))?,
            share_hash: share.hash().to_vec(),
        })
    }

    /// The same work whatever is wrong.
    pub fn open_byok_key(
        &self,
        id: ByokKeyId,
        context: &ByokContext,
        share: &ByokShare,
        stored: &SealedByokKey,
    ) -> Result<ProviderKey, SealError> {
        let is_the_share = stored.share_hash.as_slice().ct_eq(&share.hash());
        let part = self.open_bytes(&stored.server_part, &self.part_binding(id));
        let under = sealing_key(part.as_ref().map_or(&[0; PART_LENGTH], |part| part.as_slice()), share, id);
        let opened = open(&under, &stored.sealed, &self.key_binding(id, context, stored.version));
        if !bool::from(is_the_share) {
            return Err(SealError::DoesNotOpen);
        }
        let plain = part.and(opened)?;
        let text = std::str::from_utf8(&plain).map_err(|_| SealError::DoesNotOpen)?;
        ProviderKey::parse(text).map_err(|_| SealError::DoesNotOpen)
    }

    fn part_binding(&self, id: ByokKeyId) -> Vec<u8> {
        bind("byok server part", &[self.account().0.as_bytes(), id.0.as_bytes()])
    }

    fn key_binding(&self, id: ByokKeyId, context: &ByokContext, version: i32) -> Vec<u8> {
        bind(
            "byok key",
            &[
                self.account().0.as_bytes(),
                id.0.as_bytes(),
                context.app.0.as_bytes(),
                context.owner.issuer.0.as_bytes(),
                context.owner.sub.as_bytes(),
                context.proxy.0.as_bytes(),
                context.provider.as_bytes(),
                context.origin.as_bytes(),
                context.placement.as_bytes(),
                &version.to_be_bytes(),
            ],
        )
    }
}

/// HKDF-SHA256(our part ‖ the share, salt = the key's id).
fn sealing_key(part: &[u8], share: &ByokShare, id: ByokKeyId) -> Zeroizing<[u8; 32]> {
    let mut material = Zeroizing::new(Vec::with_capacity(2 * PART_LENGTH));
    material.extend_from_slice(part);
    material.extend_from_slice(share.expose());
    let mut key = Zeroizing::new([0; 32]);
    let expanded = Hkdf::<Sha256>::new(Some(id.0.as_bytes()), &material).expand(PURPOSE, key.as_mut());
    expanded.expect("32 bytes are within HKDF's 255 blocks");
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealing::KeyRing;
    use keyward_domain::ids::{AccountId, IssuerId};
    use uuid::Uuid;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn context() -> ByokContext {
        ByokContext {
            app: AppId(id(1)),
            owner: Subject { issuer: IssuerId(id(2)), sub: "alice".to_owned() },
            proxy: ProxyId(id(3)),
            provider: "openai".to_owned(),
            origin: "https://api.openai.com:443".to_owned(),
            placement: r#"{"kind":"bearer"}"#.to_owned(),
        }
    }

    fn data_key(account: u128, ring: &KeyRing) -> DataKey {
        let account = AccountId(id(account));
        ring.open_data_key(account, &ring.new_data_key(account).expect("random")).expect("own key")
    }

    fn ring() -> KeyRing {
        KeyRing::from_hex(&"a".repeat(64)).expect("64 digits")
    }

    #[test]
    fn a_share_opens_the_key_for_its_owner_proxy_provider_and_address_only() {
        let (data_key, key_id) = (data_key(1, &ring()), ByokKeyId(id(9)));
        let (share, wrong) = (ByokShare::from_random([7; 32]), ByokShare::from_random([8; 32]));
        let key = ProviderKey::parse("sk-users-own-1234").expect("a key");
        let stored = data_key.seal_byok_key(key_id, (&context(), 1), &share, &key).expect("random");
        let opened = data_key.open_byok_key(key_id, &context(), &share, &stored).expect("opens");
        assert_eq!(opened.expose(), "sk-users-own-1234");
        let refused = |context: &ByokContext, key_id, share: &ByokShare, stored: &SealedByokKey| {
            data_key.open_byok_key(key_id, context, share, stored).err()
        };
        let bob = Subject { sub: "bob".to_owned(), ..context().owner };
        for other in [
            ByokContext { app: AppId(id(8)), ..context() },
            ByokContext { owner: bob, ..context() },
            ByokContext { owner: Subject { issuer: IssuerId(id(8)), ..context().owner }, ..context() },
            ByokContext { proxy: ProxyId(id(8)), ..context() },
            ByokContext { provider: "anthropic".to_owned(), ..context() },
            ByokContext { origin: "https://evil.example:443".to_owned(), ..context() },
            ByokContext { placement: r#"{"kind":"query","name":"k"}"#.to_owned(), ..context() },
        ] {
            assert_eq!(refused(&other, key_id, &share, &stored), Some(SealError::DoesNotOpen), "{other:?}");
        }
        assert!(refused(&context(), ByokKeyId(id(8)), &share, &stored).is_some());
        assert!(refused(&context(), key_id, &wrong, &stored).is_some());
        assert!(refused(&context(), key_id, &share, &SealedByokKey { version: 2, ..stored.clone() }).is_some());
        // The hash alone decides nothing: with another share's hash written over it, nothing opens either.
        let forged = SealedByokKey { share_hash: wrong.hash().to_vec(), ..stored.clone() };
        assert!(refused(&context(), key_id, &wrong, &forged).is_some());
        assert!(refused(&context(), key_id, &share, &forged).is_some());
    }

    #[test]
    fn all_that_we_hold_opens_nothing_without_the_share() {
        let (data_key, key_id) = (data_key(1, &ring()), ByokKeyId(id(9)));
        let share = ByokShare::from_random([7; 32]);
        let key = ProviderKey::parse("sk-users-own-1234").expect("a key");
        let stored = data_key.seal_byok_key(key_id, (&context(), 1), &share, &key).expect("random");
        let part = data_key.open_bytes(&stored.server_part, &data_key.part_binding(key_id)).expect("ours");
        let binding = data_key.key_binding(key_id, &context(), 1);
        let mut hash = [0; 32];
        hash.copy_from_slice(&stored.share_hash);
        // The best that can be made of a dump and the key-encryption key: our part, alone or with the share's hash.
        let mut ours = [0; 32];
        ours.copy_from_slice(&part);
        for guess in [
            ours,
            hash,
            *sealing_key(&part, &ByokShare::from_random(hash), key_id),
            *sealing_key(&part, &ByokShare::from_random([0; 32]), key_id),
        ] {
            assert!(open(&guess, &stored.sealed, &binding).is_err());
        }
        assert!(data_key.open_bytes(&stored.sealed, &binding).is_err());
        // And the share without our part: another installation's data key, or none.
        assert!(self::data_key(1, &ring()).open_byok_key(key_id, &context(), &share, &stored).is_err());
        assert!(open(share.expose(), &stored.sealed, &binding).is_err());
        assert_eq!(*sealing_key(&part, &share, key_id), *sealing_key(&part, &share, key_id));
        assert!(open(&sealing_key(&part, &share, key_id), &stored.sealed, &binding).is_ok(), "the two together do");
    }
}
