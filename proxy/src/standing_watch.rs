//! Whether a caller may still call while its call is under way: asked again whenever the configuration changes, and at no
//! other time.

use std::sync::{Arc, OnceLock};

use keyward_domain::ids::ProxyId;
use keyward_domain::policy::AnonymousPolicy;
use keyward_domain::rejection::Rejection;
use tokio::sync::watch;

use crate::edge::Edge;
use crate::snapshot::{ServedProxy, Snapshot};
use crate::steps::authenticate::{Caller, Standing};

/// Clones follow the same caller, and each hears of every change.
#[derive(Clone)]
pub struct StandingWatch {
    edge: Arc<Edge>,
    changes: watch::Receiver<()>,
    watched: Arc<OnceLock<Watched>>,
}

struct Watched {
    proxy: ProxyId,
    caller: Caller,
}

impl StandingWatch {
    pub fn new(edge: Arc<Edge>) -> Self {
        let changes = edge.config_changes.subscribe();
        Self { edge, changes, watched: Arc::default() }
    }

    /// `snapshot` is what the caller was let in by; what was changed since is asked at once, for `revoked` may have heard
    /// of that change already.
    pub fn follow(&self, proxy: &ServedProxy, caller: &Caller, snapshot: &Arc<Snapshot>) -> Result<(), Rejection> {
        let watched = self.watched.get_or_init(|| Watched { proxy: proxy.id, caller: caller.clone() });
        let now = self.edge.snapshot.load();
        let may_call = Arc::ptr_eq(&now, snapshot) || watched.may_call(&now);
        if may_call { Ok(()) } else { Err(Rejection::AccessRevoked) }
    }

    /// Returns when the caller may call no more; may be dropped at any point and asked again.
    pub async fn revoked(&mut self) {
        while self.changes.changed().await.is_ok() {
            if self.watched.get().is_some_and(|watched| !watched.may_call(&self.edge.snapshot.load())) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

impl Watched {
    /// What was changed otherwise holds for the next call.
    fn may_call(&self, snapshot: &Snapshot) -> bool {
        let Some(proxy) = snapshot.proxy_by_id(self.proxy).filter(|proxy| proxy.enabled) else { return false };
        let issuers = &proxy.app.issuers;
        let subject = self.caller.subject();
        let is_linked = || issuers.linked.iter().any(|issuer| issuer.id == subject.issuer);
        let is_taken = match self.caller.standing() {
            // Its token is of no issuer.
            Standing::TestCall => true,
            Standing::SignedIn => is_linked(),
            Standing::Anonymous => is_linked() && issuers.anonymous(subject.issuer) != AnonymousPolicy::Deny,
        };
        is_taken && proxy.app.check_standing(subject, self.caller.issued_at()).is_ok()
    }
}
