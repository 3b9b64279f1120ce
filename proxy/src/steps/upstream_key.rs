//! With which key a call goes out: the caller's own, or one of the proxy's that sends it. The key that was used is what
//! the reply is searched for.

use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};
use keyward_domain::ids::{ByokKeyId, KeyId};
use keyward_domain::key_pool::{Choice, KeyVerdict};
use keyward_domain::rejection::Rejection;
use keyward_domain::secret::ProviderKey;
use keyward_store::sealed_keys::KeyRefusal;
use tracing::info;

use crate::byok_vault::OwnKey;
use crate::custody_notes::Note;
use crate::edge::Edge;
use crate::key_rests::{Pool, Scope};
use crate::served_keys::UsableKey;
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Standing;
use crate::steps::authorize::Endpoint;
use crate::steps::upload::Upload;

pub struct UpstreamKey {
    /// Whose address, headers and times hold for the call; nearly always the proxy that was called.
    pub via: Arc<ServedProxy>,
    key: Arc<ProviderKey>,
    holder: KeyHolder,
}

enum KeyHolder {
    /// One of a proxy's, which may have to rest.
    Pool { id: KeyId, scope: Scope },
    /// The caller, whose matter it is whether the provider takes it.
    Caller { id: ByokKeyId },
}

/// What the choice depends on.
pub struct Outgoing<'a> {
    pub endpoint: &'a Endpoint,
    pub upload: &'a Upload,
    pub standing: Standing,
}

/// How the proxy's keys are for such a call.
pub fn pool(edge: &Edge, proxy: &ServedProxy, call: &Outgoing<'_>) -> Pool {
    let keys: Vec<UsableKey<'_>> = proxy.keys.usable(proxy.id).collect();
    edge.custody.rests.pool(&keys, call.scope(edge), edge.clock.now())
}

/// The caller's own key takes the place of all others: it has no fallback and never rests.
pub fn choose(
    edge: &Edge,
    called: &Arc<ServedProxy>,
    own_key: Option<&OwnKey>,
    call: &Outgoing<'_>,
) -> Result<UpstreamKey, Rejection> {
    if let Some(own) = own_key {
        edge.metrics.key_chosen("callers_own");
        return Ok(UpstreamKey { via: called.clone(), key: own.key.clone(), holder: KeyHolder::Caller { id: own.id } });
    }
    let scope = call.scope(edge);
    let keys: Vec<UsableKey<'_>> = called.keys.usable(called.id).collect();
    let choice = match call.standing {
        // Somebody at the dashboard wants to know what the provider says now.
        Standing::TestCall => edge.custody.rests.choose_rested(&keys, edge.clock.now()),
        Standing::SignedIn | Standing::Anonymous => edge.custody.rests.choose(&keys, scope, edge.clock.now()),
    };
    let pooled = |at: usize| pooled(called.clone(), &keys[at], scope);
    let (name, chosen) = match choice {
        Choice::Awake(at) => ("awake", Ok(pooled(at))),
        Choice::Drowsy(at) => ("drowsy", Ok(pooled(at))),
        Choice::TryRefused(at) => ("tried_again", Ok(pooled(at))),
        Choice::AllRefused => ("all_refused", Err(Rejection::ProviderKeysRefused)),
        Choice::NoKey => ("none", Err(Rejection::ProviderKeyUnusable)),
    };
    edge.metrics.key_chosen(name);
    chosen
}

/// For a question of the edge's own about an object: keys of a pool are of one account, so any will do.
pub fn for_aside(edge: &Edge, called: &Arc<ServedProxy>, own_key: Option<&OwnKey>) -> Result<UpstreamKey, Rejection> {
    if let Some(own) = own_key {
        return Ok(UpstreamKey { via: called.clone(), key: own.key.clone(), holder: KeyHolder::Caller { id: own.id } });
    }
    let keys: Vec<UsableKey<'_>> = called.keys.usable(called.id).collect();
    let scope = edge.custody.rests.scope("", None);
    match edge.custody.rests.choose_rested(&keys, edge.clock.now()) {
        Choice::Awake(at) => Ok(pooled(called.clone(), &keys[at], scope)),
        Choice::Drowsy(_) | Choice::TryRefused(_) | Choice::AllRefused | Choice::NoKey => {
            Err(Rejection::ProviderKeyUnusable)
        }
    }
}

fn pooled(via: Arc<ServedProxy>, key: &UsableKey<'_>, scope: Scope) -> UpstreamKey {
    UpstreamKey { via, key: key.key.clone(), holder: KeyHolder::Pool { id: key.id, scope } }
}

impl Outgoing<'_> {
    fn scope(&self, edge: &Edge) -> Scope {
        edge.custody.rests.scope(&self.endpoint.rule.template, self.endpoint.model(self.upload.value()))
    }
}

impl UpstreamKey {
    pub fn key(&self) -> &ProviderKey {
        &self.key
    }

    pub fn is_callers_own(&self) -> bool {
        match self.holder {
            KeyHolder::Pool { .. } => false,
            KeyHolder::Caller { .. } => true,
        }
    }

    /// What the provider's answer says of the key, for the calls that follow and for the dashboard.
    pub fn answered(&self, edge: &Edge, status: StatusCode, headers: &HeaderMap) {
        let (id, scope) = match self.holder {
            KeyHolder::Pool { id, scope } => (id, scope),
            KeyHolder::Caller { id } => {
                edge.custody.notes.push(Note::Used { proxy: self.via.id, key: id, at: edge.clock.now() });
                return;
            }
        };
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let (verdict, now) = (KeyVerdict::of(status.as_u16(), retry_after), edge.clock.now());
        edge.custody.rests.note(id, scope, verdict, now);
        match verdict {
            KeyVerdict::Accepted => {}
            KeyVerdict::RateLimited { .. } => edge.metrics.key_rests("rate_limited"),
            KeyVerdict::Refused | KeyVerdict::Forbidden => {
                edge.metrics.key_rests(if verdict == KeyVerdict::Refused { "refused" } else { "forbidden" });
                info!(proxy.id = %self.via.id, key.id = %id, status = status.as_u16(), "the provider refused the key");
                let refusal = KeyRefusal { proxy: self.via.id, key: id, status: status.as_u16(), at: now };
                edge.custody.notes.push(Note::Refused(refusal));
            }
        }
    }

    /// A rejected key's error may repeat parts of the key: the reply is withheld, whoever the key belongs to.
    pub fn refusal(&self) -> Rejection {
        match self.holder {
            KeyHolder::Pool { .. } => Rejection::UpstreamAuthFailed,
            KeyHolder::Caller { .. } => Rejection::ByokKeyRejected,
        }
    }
}
