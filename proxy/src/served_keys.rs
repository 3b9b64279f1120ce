//! The keys of one proxy, each opened once, when it is first needed; a new snapshot starts sealed again.

use std::sync::{Arc, OnceLock};

use keyward_domain::ids::{KeyId, ProxyId};
use keyward_domain::secret::ProviderKey;
use keyward_store::sealing::KeyRing;
use keyward_store::snapshot::SealedProviderKey;
use tracing::warn;

pub struct ServedKeys {
    keys: Vec<ServedKey>,
    ring: KeyRing,
}

struct ServedKey {
    sealed: SealedProviderKey,
    opened: OnceLock<Option<Arc<ProviderKey>>>,
}

/// A key that opens.
#[derive(Clone, Copy)]
pub struct UsableKey<'a> {
    pub id: KeyId,
    pub weight: u32,
    pub key: &'a Arc<ProviderKey>,
}

impl ServedKeys {
    pub fn new(sealed: Vec<SealedProviderKey>, ring: &KeyRing) -> Self {
        let keys = sealed.into_iter().map(|sealed| ServedKey { sealed, opened: OnceLock::new() });
        Self { keys: keys.collect(), ring: ring.clone() }
    }

    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Those that open, oldest first.
    pub fn usable(&self, proxy: ProxyId) -> impl Iterator<Item = UsableKey<'_>> {
        self.keys.iter().filter_map(move |served| {
            let open = || {
                let opened = served.sealed.open(&self.ring).map(Arc::new);
                opened
                    .inspect_err(|error| warn!(proxy.id = %proxy, key.id = %served.sealed.id, %error, "no usable key"))
                    .ok()
            };
            let key = served.opened.get_or_init(open).as_ref()?;
            Some(UsableKey { id: served.sealed.id, weight: served.sealed.weight, key })
        })
    }
}
