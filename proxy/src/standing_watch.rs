//! Whether a caller may still call while a reply is under way: asked again whenever the configuration changes, and at no
//! other time.

use std::sync::Arc;

use keyward_domain::ids::AppId;
use keyward_domain::issuer::Subject;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::edge::Edge;

pub struct StandingWatch {
    edge: Arc<Edge>,
    changes: watch::Receiver<()>,
    caller: Option<Watched>,
}

struct Watched {
    app: AppId,
    subject: Subject,
    issued_at: Option<OffsetDateTime>,
}

impl StandingWatch {
    /// To be made before the configuration is read by which the caller is let in, so that no change goes unseen.
    pub fn new(edge: Arc<Edge>) -> Self {
        let changes = edge.config_changes.subscribe();
        Self { edge, changes, caller: None }
    }

    pub fn follow(&mut self, app: AppId, subject: Subject, issued_at: Option<OffsetDateTime>) {
        self.caller = Some(Watched { app, subject, issued_at });
    }

    /// Returns when the caller may call no more; may be dropped at any point and asked again.
    pub async fn revoked(&mut self) {
        let Some(caller) = &self.caller else { return std::future::pending().await };
        while self.changes.changed().await.is_ok() {
            let snapshot = self.edge.snapshot.load();
            let app = snapshot.app(caller.app);
            if app.is_some_and(|app| app.check_standing(&caller.subject, caller.issued_at).is_err()) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}
