//! Sealing of secrets at rest: AES-256-GCM with a random 96-bit nonce, under a data key per account, which is itself
//! sealed under the key-encryption key that lives outside the database (docs/SECURITY.md).
//! What a secret is bound to goes in as additional data, so that a row can't be moved or pointed elsewhere.

use std::sync::Arc;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use keyward_domain::ids::{AccountId, AppId, IssuerId, KeyId, ProxyId};
use keyward_domain::secret::ProviderKey;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const FORMAT: u8 = 1;
const NONCE_LENGTH: usize = 12;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SealError {
    /// Wrong key-encryption key, or the row was changed or moved. Which of them can't be told.
    #[error("a sealed value does not open: wrong key-encryption key, or the row was changed or moved")]
    DoesNotOpen,
    #[error("no random bytes from the operating system")]
    NoRandomness,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be 64 hexadecimal digits (32 bytes); make one with: openssl rand -hex 32")]
pub struct KeyRingError;

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct KeyBytes([u8; 32]);

/// The key-encryption key of this installation, and those it had before: what was sealed under them still opens.
#[derive(Clone)]
pub struct KeyRing {
    current: Arc<KeyBytes>,
    previous: Arc<[KeyBytes]>,
}

/// An account's data key in the clear.
pub struct DataKey {
    account: AccountId,
    key: KeyBytes,
}

/// All that a sealed provider key is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealContext {
    pub account: AccountId,
    pub proxy: ProxyId,
    pub key: KeyId,
    pub provider: String,
    /// `scheme://host:port` of the base URL.
    pub origin: String,
    /// JSON of the `KeyPlacement`.
    pub placement: String,
    pub version: i32,
}

impl KeyRing {
    pub fn from_hex(text: &str) -> Result<Self, KeyRingError> {
        Ok(Self { current: Arc::new(key_bytes(text)?), previous: Arc::default() })
    }

    /// Earlier keys, separated by commas: they open and seal nothing new.
    pub fn with_previous(self, texts: &str) -> Result<Self, KeyRingError> {
        let texts = texts.split(',').map(str::trim).filter(|text| !text.is_empty());
        Ok(Self { previous: texts.map(key_bytes).collect::<Result<_, _>>()?, ..self })
    }

    pub fn has_previous(&self) -> bool {
        !self.previous.is_empty()
    }

    /// A new account's data key, sealed for the database.
    pub fn new_data_key(&self, account: AccountId) -> Result<Vec<u8>, SealError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut()).map_err(|_| SealError::NoRandomness)?;
        self.wrap(account, &key)
    }

    pub fn open_data_key(&self, account: AccountId, wrapped: &[u8]) -> Result<DataKey, SealError> {
        let bound_to = data_key_binding(account);
        let keys = std::iter::once(&*self.current).chain(self.previous.iter());
        let mut opened = keys.filter_map(|key| open(&key.0, wrapped, &bound_to).ok());
        let plain = opened.next().ok_or(SealError::DoesNotOpen)?;
        let key = <[u8; 32]>::try_from(plain.as_slice()).map_err(|_| SealError::DoesNotOpen)?;
        Ok(DataKey { account, key: KeyBytes(key) })
    }

    /// The same data key under the current key-encryption key; `None` when it is already.
    pub fn rewrapped(&self, account: AccountId, wrapped: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        if open(&self.current.0, wrapped, &data_key_binding(account)).is_ok() {
            return Ok(None);
        }
        let data_key = self.open_data_key(account, wrapped)?;
        self.wrap(account, &data_key.key.0).map(Some)
    }

    fn wrap(&self, account: AccountId, key: &[u8; 32]) -> Result<Vec<u8>, SealError> {
        seal(&self.current.0, key, &data_key_binding(account))
    }

    /// Signs the dashboard's test calls (keyward_identity::test_call).
    pub fn test_call_key(&self) -> [u8; 32] {
        self.derive("keyward test call v1")
    }

    /// Every key under which a test call may still be signed: edge and dashboard do not change theirs at the same moment.
    pub fn test_call_keys(&self) -> Vec<[u8; 32]> {
        self.derive_all("keyward test call v1")
    }

    /// Signs errors that travel in an address of the dashboard.
    pub fn error_link_key(&self) -> [u8; 32] {
        self.derive("keyward error links v1")
    }

    /// Tells two key-encryption keys apart and reveals neither.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.derive("keyward fingerprint v1")
    }

    /// Of the current key, and of those before it.
    pub fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.derive_all("keyward fingerprint v1")
    }

    /// For what a process keeps outside the database.
    pub(crate) fn seal_kept(&self, purpose: &str, plain: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, SealError> {
        seal(&kept_key(&self.current, purpose), plain, bound_to)
    }

    /// Also what was kept under a key of before.
    pub(crate) fn open_kept(
        &self,
        purpose: &str,
        sealed: &[u8],
        bound_to: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let keys = std::iter::once(&*self.current).chain(self.previous.iter());
        let mut opened = keys.filter_map(|key| open(&kept_key(key, purpose), sealed, bound_to).ok());
        opened.next().ok_or(SealError::DoesNotOpen)
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        derive(&self.current, purpose)
    }

    fn derive_all(&self, purpose: &str) -> Vec<[u8; 32]> {
        std::iter::once(&*self.current).chain(self.previous.iter()).map(|key| derive(key, purpose)).collect()
    }
}

fn derive(key: &KeyBytes, purpose: &str) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key.0).expect("HMAC takes a key of any length");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

fn kept_key(key: &KeyBytes, purpose: &str) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    let expanded = Hkdf::<Sha256>::new(None, &key.0).expand(purpose.as_bytes(), derived.as_mut());
    expanded.expect("32 bytes are less than HKDF-SHA256 can give");
    derived
}

fn key_bytes(text: &str) -> Result<KeyBytes, KeyRingError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| KeyRingError)?;
    Ok(KeyBytes(bytes))
}

fn data_key_binding(account: AccountId) -> Vec<u8> {
    bind("data key", &[account.0.as_bytes()])
}

impl DataKey {
    pub(crate) fn account(&self) -> AccountId {
        self.account
    }

    pub(crate) fn seal_bytes(&self, plain: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, SealError> {
        seal(&self.key.0, plain, bound_to)
    }

    pub(crate) fn open_bytes(&self, sealed: &[u8], bound_to: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open(&self.key.0, sealed, bound_to)
    }

    pub fn seal_provider_key(&self, context: &SealContext, key: &ProviderKey) -> Result<Vec<u8>, SealError> {
        seal(&self.key.0, key.expose().as_bytes(), &context.bytes())
    }

    pub fn open_provider_key(&self, context: &SealContext, sealed: &[u8]) -> Result<ProviderKey, SealError> {
        let plain = open(&self.key.0, sealed, &context.bytes())?;
        let text = std::str::from_utf8(&plain).map_err(|_| SealError::DoesNotOpen)?;
        ProviderKey::parse(text).map_err(|_| SealError::DoesNotOpen)
    }

    /// Under which an app's users are named to providers. Of the data key, which a new key-encryption key leaves as it is:
    /// the names stay.
    pub fn end_user_key(&self, app: AppId) -> Zeroizing<[u8; 32]> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.key.0).expect("HMAC takes a key of any length");
        mac.update(&bind("end users", &[self.account.0.as_bytes(), app.0.as_bytes()]));
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    /// An issuer's shared secret (Supabase's legacy JWT secret).
    pub fn seal_issuer_secret(&self, issuer: IssuerId, secret: &str) -> Result<Vec<u8>, SealError> {
        seal(&self.key.0, secret.as_bytes(), &self.issuer_binding(issuer))
    }

    pub fn open_issuer_secret(&self, issuer: IssuerId, sealed: &[u8]) -> Result<Zeroizing<String>, SealError> {
        let plain = open(&self.key.0, sealed, &self.issuer_binding(issuer))?;
        let text = std::str::from_utf8(&plain).map_err(|_| SealError::DoesNotOpen)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    fn issuer_binding(&self, issuer: IssuerId) -> Vec<u8> {
        bind("issuer secret", &[self.account.0.as_bytes(), issuer.0.as_bytes()])
    }
}

impl SealContext {
    fn bytes(&self) -> Vec<u8> {
        bind(
            "provider key",
            &[
                self.account.0.as_bytes(),
                self.proxy.0.as_bytes(),
                self.key.0.as_bytes(),
                self.provider.as_bytes(),
                self.origin.as_bytes(),
                self.placement.as_bytes(),
                &self.version.to_be_bytes(),
            ],
        )
    }
}

/// Length-prefixed, so that no two lists of parts give the same bytes.
pub(crate) fn bind(purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(160);
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// `format byte ‖ nonce ‖ ciphertext and tag`
pub(crate) fn seal(key: &[u8; 32], plain: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_LENGTH];
    getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
    let ciphertext = encrypt(key, &nonce, plain, bound_to);
    Ok([&[FORMAT], nonce.as_slice(), &ciphertext].concat())
}

pub(crate) fn open(key: &[u8; 32], sealed: &[u8], bound_to: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (&format, rest) = sealed.split_first().ok_or(SealError::DoesNotOpen)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::DoesNotOpen)?;
    if format != FORMAT {
        return Err(SealError::DoesNotOpen);
    }
    decrypt(key, nonce, ciphertext, bound_to).ok_or(SealError::DoesNotOpen)
}

/// AES-256-GCM; the tag follows the ciphertext. Public for the test vectors.
pub fn encrypt(key: &[u8; 32], nonce: &[u8; NONCE_LENGTH], plain: &[u8], bound_to: &[u8]) -> Vec<u8> {
    Aes256Gcm::new(key.into())
        .encrypt(Nonce::from_slice(nonce), Payload { msg: plain, aad: bound_to })
        .expect("AES-GCM takes any message under 64 GiB")
}

pub fn decrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_LENGTH],
    sealed: &[u8],
    bound_to: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    Aes256Gcm::new(key.into())
        .decrypt(Nonce::from_slice(nonce), Payload { msg: sealed, aad: bound_to })
        .ok()
        .map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn context() -> SealContext {
        SealContext {
            account: AccountId(Uuid::from_u128(1)),
            proxy: ProxyId(Uuid::from_u128(2)),
            key: KeyId(Uuid::from_u128(3)),
            provider: "openai".to_owned(),
            origin: "https://api.openai.com:443".to_owned(),
            placement: r#"{"kind":"bearer"}"#.to_owned(),
            version: 1,
        }
    }

    fn data_key(digit: &str) -> DataKey {
        let ring = KeyRing::from_hex(&digit.repeat(64)).expect("64 digits");
        let account = context().account;
        ring.open_data_key(account, &ring.new_data_key(account).expect("random")).expect("own key")
    }

    #[test]
    fn a_sealed_key_opens_only_in_its_own_context() {
        let data_key = data_key("a");
        let key = ProviderKey::parse("sk-secret-1234").expect("a key");
        let sealed = data_key.seal_provider_key(&context(), &key).expect("random");
        assert_eq!(data_key.open_provider_key(&context(), &sealed).expect("opens").expose(), "sk-secret-1234");
        let moved = [
            SealContext { account: AccountId(Uuid::from_u128(9)), ..context() },
            SealContext { proxy: ProxyId(Uuid::from_u128(9)), ..context() },
            SealContext { key: KeyId(Uuid::from_u128(9)), ..context() },
            SealContext { provider: "anthropic".to_owned(), ..context() },
            SealContext { origin: "https://evil.example:443".to_owned(), ..context() },
            SealContext { placement: r#"{"kind":"query","name":"k"}"#.to_owned(), ..context() },
            SealContext { version: 2, ..context() },
        ];
        for other in moved {
            assert_eq!(data_key.open_provider_key(&other, &sealed).err(), Some(SealError::DoesNotOpen), "{other:?}");
        }
    }

    #[test]
    fn a_changed_byte_anywhere_does_not_open() {
        let data_key = data_key("a");
        let sealed = data_key.seal_issuer_secret(IssuerId(Uuid::from_u128(4)), "secret").expect("random");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(data_key.open_issuer_secret(IssuerId(Uuid::from_u128(4)), &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_key_encryption_key_opens_no_data_key() {
        let account = context().account;
        let (one, two) = (KeyRing::from_hex(&"a".repeat(64)), KeyRing::from_hex(&"b".repeat(64)));
        let (one, two) = (one.expect("hex"), two.expect("hex"));
        let wrapped = one.new_data_key(account).expect("random");
        assert!(two.open_data_key(account, &wrapped).is_err());
        assert_ne!(one.fingerprint(), two.fingerprint());
        let turned = two.with_previous(&"a".repeat(64)).expect("hex");
        assert!(turned.open_data_key(account, &wrapped).is_ok(), "it was this installation's");
        let rewrapped = turned.rewrapped(account, &wrapped).expect("opens").expect("it was under the other");
        assert_eq!(turned.rewrapped(account, &rewrapped), Ok(None));
        assert!(one.open_data_key(account, &rewrapped).is_err());
    }
}
