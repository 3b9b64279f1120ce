//! App users' own provider keys as the edge uses them: looked up with a cache of seconds, opened with the user's share.
//! Unknown, foreign, revoked, expired and wrong are one answer after the same work.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward_domain::byok::ByokCredential;
use keyward_domain::ids::{AccountId, AppId, ByokKeyId, IssuerId, ProxyId};
use keyward_domain::issuer::Subject;
use keyward_domain::policy::Byok;
use keyward_domain::provider::upstream_origin;
use keyward_domain::rejection::Rejection;
use keyward_domain::secret::ProviderKey;
use keyward_store::Store;
use keyward_store::byok_keys::StoredByokKey;
use keyward_store::byok_sealing::{ByokContext, new_share};
use keyward_store::sealing::{KeyRing, SealError};
use moka::sync::Cache;
use time::OffsetDateTime;
use tokio::time::{Instant, timeout};
use tracing::warn;
use uuid::Uuid;

use crate::snapshot::ServedProxy;

/// What was read is believed so long, and while somebody else reads it again a little longer: a revocation holds
/// everywhere within five seconds.
const FRESH_FOR: Duration = Duration::from_secs(2);
const WHILE_READ_AGAIN: Duration = Duration::from_secs(4);
/// While Postgres is away, and no longer.
const STALE_FOR: Duration = Duration::from_secs(10 * 60);
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
const AWAY_PAUSE: Duration = Duration::from_secs(1);
const CACHED_KEYS: u64 = 50_000;
/// Wrong credentials of one user in a minute, after which none is looked at.
const REFUSALS_A_MINUTE: u32 = 20;

/// The caller's own key, opened for this request.
pub struct OwnKey {
    pub id: ByokKeyId,
    pub key: Arc<ProviderKey>,
    /// Of the row that was opened.
    pub version: i32,
    pub expires_at: Option<OffsetDateTime>,
}

pub struct ByokVault {
    pub store: Store,
    pub ring: KeyRing,
    entries: Cache<(ProxyId, ByokKeyId), Arc<Entry>>,
    away_until: Mutex<Option<Instant>>,
    refusals: Cache<Subject, Arc<AtomicU32>>,
    /// Opened in place of a key that is not there.
    decoy: StoredByokKey,
}

struct Entry {
    found: Option<StoredByokKey>,
    read_at: Instant,
    is_read_again: AtomicBool,
}

impl ByokVault {
    pub fn new(store: Store, ring: KeyRing) -> Result<Self, SealError> {
        let minute = Duration::from_secs(60);
        Ok(Self {
            decoy: decoy(&ring)?,
            store,
            ring,
            entries: Cache::builder().max_capacity(CACHED_KEYS).time_to_live(STALE_FOR).build(),
            away_until: Mutex::default(),
            refusals: Cache::builder().max_capacity(CACHED_KEYS).time_to_live(minute).build(),
        })
    }

    /// `None` where the caller brought no key, and need not.
    pub async fn admit(
        &self,
        proxy: &ServedProxy,
        caller: &Subject,
        given: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Option<OwnKey>, Rejection> {
        match (proxy.policy.byok, given) {
            (Byok::Off | Byok::Optional, None) => Ok(None),
            (Byok::Off, Some(_)) => Err(Rejection::ByokNotAllowed),
            (Byok::Required, None) => Err(Rejection::ByokRequired),
            (Byok::Optional | Byok::Required, Some(text)) => self.open(proxy, caller, text, now).await.map(Some),
        }
    }

    /// With the share, of the caller's own key for this proxy.
    pub async fn open(
        &self,
        proxy: &ServedProxy,
        caller: &Subject,
        credential: &str,
        now: OffsetDateTime,
    ) -> Result<OwnKey, Rejection> {
        let counted = || self.refusals.get_with(caller.clone(), Arc::default);
        if self.refusals.get(caller).is_some_and(|count| count.load(Ordering::Relaxed) >= REFUSALS_A_MINUTE) {
            return Err(Rejection::ByokRefused);
        }
        let refused = || {
            counted().fetch_add(1, Ordering::Relaxed);
            Rejection::ByokRefused
        };
        let credential = ByokCredential::parse(credential).map_err(|_| refused())?;
        let (found, is_cached) = self.find(proxy.id, credential.id).await?;
        let mut opened = self.tried(proxy, caller, &credential, found, now);
        if opened.is_none() && is_cached {
            // It may be the new share of a moment ago, or a new key.
            let found = self.read(proxy.id, credential.id).await.ok_or(Rejection::ByokUnavailable)?;
            opened = self.tried(proxy, caller, &credential, found, now);
        }
        opened.ok_or_else(refused)
    }

    /// What is not the caller's, or is over, is refused after the same work as a wrong share.
    fn tried(
        &self,
        proxy: &ServedProxy,
        caller: &Subject,
        credential: &ByokCredential,
        found: Option<StoredByokKey>,
        now: OffsetDateTime,
    ) -> Option<OwnKey> {
        let usable = found.filter(|key| {
            let is_live = key.expires_at.is_none_or(|at| now < at);
            key.owner == *caller && key.account == proxy.account && is_live
        });
        let stored = usable.as_ref().unwrap_or(&self.decoy);
        let data_key = self.ring.open_data_key(stored.account, &stored.wrapped_data_key);
        let opened = data_key.and_then(|key| {
            key.open_byok_key(credential.id, &context(proxy, caller), &credential.share, &stored.sealed)
        });
        let (key, stored) = opened.ok().zip(usable)?;
        let (version, expires_at) = (stored.sealed.version, stored.expires_at);
        Some(OwnKey { id: credential.id, key: Arc::new(key), version, expires_at })
    }

    /// This node knows of the change at once; the others within seconds.
    pub fn forget(&self, proxy: ProxyId, id: ByokKeyId) {
        self.entries.invalidate(&(proxy, id));
    }

    /// And whether that is what was read before.
    async fn find(&self, proxy: ProxyId, id: ByokKeyId) -> Result<(Option<StoredByokKey>, bool), Rejection> {
        let known = self.entries.get(&(proxy, id));
        if let Some(entry) = &known {
            let age = entry.read_at.elapsed();
            let others_read = || age < WHILE_READ_AGAIN && entry.is_read_again.swap(true, Ordering::Relaxed);
            if age < FRESH_FOR || others_read() {
                return Ok((entry.found.clone(), true));
            }
        }
        match self.read(proxy, id).await {
            Some(found) => Ok((found, false)),
            None => {
                let stale = known.filter(|entry| entry.read_at.elapsed() < STALE_FOR);
                stale.map(|entry| (entry.found.clone(), false)).ok_or(Rejection::ByokUnavailable)
            }
        }
    }

    /// `None` when the database can't be asked.
    async fn read(&self, proxy: ProxyId, id: ByokKeyId) -> Option<Option<StoredByokKey>> {
        let away_until = || self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        if away_until().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let read_at = Instant::now();
        let cause = match timeout(QUERY_TIMEOUT, self.store.byok_key(proxy, id)).await {
            Ok(Ok(found)) => {
                let entry = Entry { found: found.clone(), read_at, is_read_again: AtomicBool::new(false) };
                self.entries.insert((proxy, id), Arc::new(entry));
                return Some(found);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database did not answer within 2 s".to_owned(),
        };
        warn!(cause, "a user's own key can't be looked up");
        *away_until() = Some(Instant::now() + AWAY_PAUSE);
        None
    }
}

/// All that a caller's key for this proxy is sealed to.
pub fn context(proxy: &ServedProxy, owner: &Subject) -> ByokContext {
    ByokContext {
        app: proxy.app.id,
        owner: owner.clone(),
        proxy: proxy.id,
        provider: proxy.provider.name.clone(),
        origin: upstream_origin(&proxy.base_url),
        placement: proxy.key_placement.binding(),
    }
}

fn decoy(ring: &KeyRing) -> Result<StoredByokKey, SealError> {
    let account = AccountId(Uuid::nil());
    let owner = Subject { issuer: IssuerId(Uuid::nil()), sub: String::new() };
    let context = ByokContext {
        app: AppId(Uuid::nil()),
        owner: owner.clone(),
        proxy: ProxyId(Uuid::nil()),
        provider: String::new(),
        origin: String::new(),
        placement: String::new(),
    };
    let wrapped_data_key = ring.new_data_key(account)?;
    let nobodys = ProviderKey::parse("nobodys-provider-key-of-usual-length-0000000000").expect("well-formed");
    let (id, share) = (ByokKeyId(Uuid::nil()), new_share()?);
    let data_key = ring.open_data_key(account, &wrapped_data_key)?;
    let sealed = data_key.seal_byok_key(id, (&context, 0), &share, &nobodys)?;
    Ok(StoredByokKey { owner, account, wrapped_data_key, sealed, expires_at: None })
}
