//! Who owns which upstream object: Postgres, with a cache of what was found. Unknown is never cached.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use keyward_domain::clock::Clock;
use keyward_domain::ids::ProxyId;
use keyward_domain::issuer::Subject;
use keyward_domain::ownership::ResourceRef;
use keyward_domain::rejection::Rejection;
use keyward_store::{Store, StoreError};
use moka::sync::Cache;
use tokio::time::timeout;
use tracing::warn;

use crate::byok_vault::OwnKey;

const QUERY_TIMEOUT: Duration = Duration::from_secs(5);
const CACHED_OWNERS: u64 = 100_000;
const PUBLIC_FOR: Duration = Duration::from_hours(1);
/// Longer than any provider's; what is longer, or has a control character, was never recorded.
const LONGEST_ID: usize = 512;
/// No honest call names more; each is a row to look up.
const MOST_IDS: usize = 1_000;

#[derive(Clone)]
pub struct Ledger {
    store: Store,
    owners: Cache<(ProxyId, ResourceRef), Subject>,
    public: Cache<(ProxyId, ResourceRef), bool>,
    clock: Clock,
}

/// One caller on one proxy, for whom the ledger is asked.
#[derive(Clone)]
pub struct Holder {
    pub proxy: ProxyId,
    pub subject: Subject,
    /// The caller's own, if the call goes out with it. What it makes lies at another account of the provider, where ids
    /// may be the caller's to choose: it is on record apart from what lies at the developer's.
    pub own_key: Option<Arc<OwnKey>>,
}

impl Holder {
    fn filed(&self, resource: &ResourceRef) -> ResourceRef {
        ResourceRef { kind: self.filed_kind(&resource.kind), id: resource.id.clone() }
    }

    fn filed_kind(&self, kind: &str) -> String {
        self.own_key.as_ref().map_or_else(|| kind.to_owned(), |own| format!("{kind}@{}", own.id))
    }
}

impl Ledger {
    pub fn new(store: Store, clock: Clock) -> Self {
        let public = Cache::builder().max_capacity(CACHED_OWNERS).time_to_live(PUBLIC_FOR).build();
        Self { store, owners: Cache::new(CACHED_OWNERS), public, clock }
    }

    /// None of these is somebody else's. Those that nobody owns are given back; to the client they are the same.
    pub async fn unknown_among(
        &self,
        holder: &Holder,
        wanted: &BTreeSet<ResourceRef>,
    ) -> Result<Vec<ResourceRef>, Rejection> {
        if wanted.len() > MOST_IDS || !wanted.iter().all(is_recordable) {
            return Err(Rejection::ResourceNotFound);
        }
        let mut unknown = Vec::new();
        for resource in wanted {
            match self.owners.get(&(holder.proxy, holder.filed(resource))) {
                Some(owner) if owner == holder.subject => {}
                Some(_) => return Err(Rejection::ResourceNotFound),
                None => unknown.push(resource.clone()),
            }
        }
        if unknown.is_empty() {
            return Ok(unknown);
        }
        let found = self.look_up(holder, &unknown).await.map_err(|()| Rejection::OwnershipUnavailable)?;
        if found.iter().any(|(_, owner)| *owner != holder.subject) {
            return Err(Rejection::ResourceNotFound);
        }
        unknown.retain(|resource| !found.iter().any(|(known, _)| known == resource));
        Ok(unknown)
    }

    /// Which of these are the holder's own.
    pub async fn owned_among(&self, holder: &Holder, wanted: &[ResourceRef]) -> Result<BTreeSet<String>, ()> {
        let found = self.look_up(holder, wanted).await?;
        Ok(found.into_iter().filter(|(_, owner)| *owner == holder.subject).map(|(resource, _)| resource.id).collect())
    }

    async fn look_up(&self, holder: &Holder, wanted: &[ResourceRef]) -> Result<Vec<(ResourceRef, Subject)>, ()> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let filed: Vec<ResourceRef> = wanted.iter().map(|resource| holder.filed(resource)).collect();
        let found = within("looked up", self.store.resource_owners(holder.proxy, &filed)).await?;
        for (resource, owner) in &found {
            self.owners.insert((holder.proxy, resource.clone()), owner.clone());
        }
        // By the names that they were asked for.
        let named = wanted.iter().zip(&filed).filter_map(|(resource, filed)| {
            let (_, owner) = found.iter().find(|(known, _)| known == filed)?;
            Some((resource.clone(), owner.clone()))
        });
        Ok(named.collect())
    }

    /// What the upstream said lately of an object that nobody owns.
    pub fn known_public(&self, proxy: ProxyId, resource: &ResourceRef) -> Option<bool> {
        self.public.get(&(proxy, resource.clone()))
    }

    pub fn remember_public(&self, proxy: ProxyId, resource: &ResourceRef, is_public: bool) {
        self.public.insert((proxy, resource.clone()), is_public);
    }

    /// Durable when it returns: only then may the client see the ids.
    pub async fn record(&self, holder: &Holder, minted: &BTreeSet<ResourceRef>) -> Result<(), Rejection> {
        let is_known = |resource: &ResourceRef| {
            self.owners.get(&(holder.proxy, resource.clone())).is_some_and(|owner| owner == holder.subject)
        };
        let minted = minted.iter().map(|resource| holder.filed(resource));
        let minted: Vec<ResourceRef> = minted.filter(|resource| !is_known(resource)).collect();
        if minted.is_empty() {
            return Ok(());
        }
        if !minted.iter().all(is_recordable) {
            return Err(Rejection::OwnerNotRecorded);
        }
        let recording = self.store.record_resource_owner(holder.proxy, &minted, &holder.subject, self.clock.now());
        if within("recorded", recording).await != Ok(true) {
            return Err(Rejection::OwnerNotRecorded);
        }
        for resource in minted {
            self.owners.insert((holder.proxy, resource), holder.subject.clone());
        }
        Ok(())
    }

    pub async fn count_owned(&self, holder: &Holder, kind: &str) -> Result<u64, ()> {
        let count =
            within("counted", self.store.count_owned(holder.proxy, &holder.filed_kind(kind), &holder.subject)).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// The object is gone at the provider. Should this fail, its owner stays on record, which harms nobody.
    pub async fn forget(&self, holder: &Holder, resource: &ResourceRef) {
        let filed = holder.filed(resource);
        self.owners.invalidate(&(holder.proxy, filed.clone()));
        let _ = within("forgotten", self.store.forget_resource(holder.proxy, &filed, &holder.subject)).await;
    }
}

fn is_recordable(resource: &ResourceRef) -> bool {
    (1..=LONGEST_ID).contains(&resource.id.len()) && !resource.id.chars().any(char::is_control)
}

/// The failure is logged here, once. Boxed, for most calls ask nothing.
fn within<'q, T: 'q>(
    what: &'static str,
    query: impl Future<Output = Result<T, StoreError>> + Send + 'q,
) -> BoxFuture<'q, Result<T, ()>> {
    Box::pin(answered(what, query))
}

async fn answered<T>(what: &str, query: impl Future<Output = Result<T, StoreError>>) -> Result<T, ()> {
    match timeout(QUERY_TIMEOUT, query).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            warn!(%error, "an object's owner can't be {what}");
            Err(())
        }
        Err(_) => {
            warn!("an object's owner can't be {what}: the database did not answer within 5 s");
            Err(())
        }
    }
}
