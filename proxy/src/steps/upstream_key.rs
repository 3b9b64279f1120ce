//! With which key a call goes out, and through which proxy: the caller's own, one of the called proxy's, or its
//! fallback's. The key that was used is what the reply is searched for.

use std::sync::Arc;

use http::header::{HeaderMap, RETRY_AFTER};
use http::{Method, StatusCode};
use keyward_domain::ids::{ByokKeyId, KeyId};
use keyward_domain::key_pool::{Choice, KeyVerdict};
use keyward_domain::ownership::Demands;
use keyward_domain::policy::Byok;
use keyward_domain::rejection::Rejection;
use keyward_domain::secret::ProviderKey;
use keyward_store::sealed_keys::KeyRefusal;
use tracing::info;

use crate::byok_vault::OwnKey;
use crate::custody_notes::Note;
use crate::edge::Edge;
use crate::key_rests::Scope;
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
    pub method: &'a Method,
    pub endpoint: &'a Endpoint,
    pub demands: &'a Demands,
    pub upload: &'a Upload,
    pub standing: Standing,
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
    let scope = edge.custody.rests.scope(&call.endpoint.template, call.model());
    let keys: Vec<UsableKey<'_>> = called.keys.usable(called.id).collect();
    let choice = match call.standing {
        // Somebody at the dashboard wants to know what the provider says now.
        Standing::TestCall => edge.custody.rests.choose_rested(&keys, edge.clock.now()),
        Standing::SignedIn | Standing::Anonymous => edge.custody.rests.choose(&keys, scope, edge.clock.now()),
    };
    let pooled = |at: usize| pooled(called.clone(), &keys[at], scope);
    let (name, chosen) = match choice {
        Choice::Awake(at) => ("awake", Ok(pooled(at))),
        Choice::NoKey => ("none", Err(Rejection::ProviderKeyUnusable)),
        Choice::Drowsy(_) | Choice::TryRefused(_) | Choice::AllRefused => {
            match (fallback(edge, called, call, scope), choice) {
                (Some(fallback), _) => ("fallback", Ok(fallback)),
                (None, Choice::Drowsy(at)) => ("drowsy", Ok(pooled(at))),
                (None, Choice::TryRefused(at)) => ("tried_again", Ok(pooled(at))),
                (None, Choice::AllRefused | Choice::Awake(_) | Choice::NoKey) => {
                    ("all_refused", Err(Rejection::ProviderKeysRefused))
                }
            }
        }
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

/// Another proxy of the app takes the call if it speaks the same language, allows the call by its own rules, and the
/// call touches no object: those are at the provider's account of the proxy that was called.
fn fallback(edge: &Edge, called: &ServedProxy, call: &Outgoing<'_>, scope: Scope) -> Option<UpstreamKey> {
    let via = edge.snapshot.load().proxy_by_id(called.policy.fallback?)?;
    let speaks_alike = via.provider.error_shape == called.provider.error_shape
        && via.provider.usage_shape == called.provider.usage_shape;
    let is_open =
        via.id != called.id && via.app.id == called.app.id && via.enabled && via.policy.byok != Byok::Required;
    let rule = via.rules.find(call.method.as_str(), &call.endpoint.path)?.rule;
    let query = call.endpoint.query.clone().admitted(&rule.query).ok()?;
    query.check_values(&via.provider.query_values).ok()?;
    let there = via.ownership.demands(call.method.as_str(), &call.endpoint.path, &query);
    if !speaks_alike || !is_open || !call.is_fleeting(call.demands) || !call.is_fleeting(&there) {
        return None;
    }
    let keys: Vec<UsableKey<'_>> = via.keys.usable(via.id).collect();
    match edge.custody.rests.choose(&keys, scope, edge.clock.now()) {
        Choice::Awake(at) => Some(pooled(via.clone(), &keys[at], scope)),
        Choice::Drowsy(_) | Choice::TryRefused(_) | Choice::AllRefused | Choice::NoKey => None,
    }
}

impl Outgoing<'_> {
    fn model(&self) -> Option<&str> {
        self.endpoint.model(self.upload.value())
    }

    /// Neither the request names an object of the provider's, nor does the reply leave one behind.
    fn is_fleeting(&self, demands: &Demands) -> bool {
        let names_nothing = match self.upload {
            Upload::Json { value, .. } => demands.named_in_body(value).is_empty(),
            Upload::Empty => true,
            Upload::Form { .. } | Upload::Streamed(_) => !demands.reads_body && demands.names_in_form().is_empty(),
        };
        names_nothing
            && demands.required.is_empty()
            && demands.filters().is_none()
            && demands.forgets.is_none()
            && demands.creates_in_headers().is_empty()
            && !demands.rewrites()
            && (!demands.records() || self.keeps_nothing())
    }

    /// Of the calls that may leave an object behind, those that say they don't.
    fn keeps_nothing(&self) -> bool {
        let Upload::Json { value, .. } = self.upload else { return false };
        match self.endpoint.path.segments().last().map(String::as_str) {
            Some("completions") => value["audio"].is_null() && value["store"] != true,
            Some("responses") => value["store"] == false,
            Some(_) | None => false,
        }
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
