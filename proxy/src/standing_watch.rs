//! Whether a caller may still call while its call is under way: asked again whenever the configuration changes, and at no
//! other time.

use std::sync::Arc;

use keyward_domain::ids::ProxyId;
use keyward_domain::issuer::Subject;
use keyward_domain::policy::AnonymousPolicy;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::edge::Edge;
use crate::snapshot::{ServedProxy, Snapshot};
use crate::steps::authenticate::{Caller, Standing};

/// Clones follow the same caller, and each hears of every change.
#[derive(Clone)]
pub struct StandingWatch {
    edge: Arc<Edge>,
    changes: watch::Receiver<()>,
    caller: watch::Sender<Option<Arc<Watched>>>,
}

struct Watched {
    proxy: ProxyId,
    subject: Subject,
    issued_at: Option<OffsetDateTime>,
    standing: Standing,
}

impl StandingWatch {
    /// To be made before the configuration is read by which the caller is let in, so that no change goes unseen.
    pub fn new(edge: Arc<Edge>) -> Self {
        let changes = edge.config_changes.subscribe();
        Self { edge, changes, caller: watch::Sender::new(None) }
    }

    pub fn follow(&self, proxy: &ServedProxy, caller: &Caller) {
        self.caller.send_replace(Some(Arc::new(Watched {
            proxy: proxy.id,
            subject: caller.subject().clone(),
            issued_at: caller.issued_at(),
            standing: caller.standing(),
        })));
    }

    /// Returns when the caller may call no more; may be dropped at any point and asked again.
    pub async fn revoked(&mut self) {
        // Until somebody is let in, no change is looked at: what it revokes would be forgotten.
        let mut caller = self.caller.subscribe();
        let Ok(followed) = caller.wait_for(Option::is_some).await.map(|caller| caller.clone()) else { return };
        while let (Some(caller), Ok(())) = (&followed, self.changes.changed().await) {
            if !caller.may_call(&self.edge.snapshot.load()) {
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
        let is_linked = || issuers.linked.iter().any(|issuer| issuer.id == self.subject.issuer);
        let is_taken = match self.standing {
            // Its token is of no issuer.
            Standing::TestCall => true,
            Standing::SignedIn => is_linked(),
            Standing::Anonymous => is_linked() && issuers.anonymous(self.subject.issuer) != AnonymousPolicy::Deny,
        };
        is_taken && proxy.app.check_standing(&self.subject, self.issued_at).is_ok()
    }
}
