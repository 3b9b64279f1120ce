//! All that a request needs beside itself. Built by `main`, shared by every connection.

use std::sync::Arc;

use arc_swap::ArcSwap;
use keyward_domain::clock::Clock;
use keyward_domain::ids::ProxyId;
use keyward_identity::{AppChecks, KeySets, TokenCache, VerifiedToken, test_call};
use keyward_outbound::Guard;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::byte_budget::ByteBudget;
use crate::config::Bounds;
use crate::custody::Custody;
use crate::forwarding::Forwarding;
use crate::ledger::Ledger;
use crate::limiter::Limits;
use crate::metrics::Metrics;
use crate::patience::Upstreams;
use crate::self_service::Questions;
use crate::snapshot::Snapshot;
use crate::stranger_log::StrangerLog;
use crate::usage_queue::UsageQueue;
use crate::user_plans::UserPlans;

pub struct Edge {
    pub snapshot: ArcSwap<Snapshot>,
    /// Says that there is another snapshot.
    pub config_changes: watch::Sender<()>,
    pub plans: UserPlans,
    pub key_sets: KeySets,
    pub app_checks: AppChecks,
    pub tokens: TokenCache,
    pub test_call_keys: Vec<[u8; 32]>,
    pub limits: Arc<Limits>,
    pub questions: Questions,
    pub ledger: Ledger,
    pub guard: Guard,
    pub upstreams: Upstreams,
    pub custody: Custody,
    pub usage: UsageQueue,
    pub strangers: StrangerLog,
    pub metrics: Metrics,
    pub clock: Clock,
    pub forwarding: Forwarding,
    /// Where clients find the edge; else each is told the address it used.
    pub public_url: Option<Url>,
    pub public_scheme: &'static str,
    pub bounds: Bounds,
    pub held_bytes: ByteBudget,
    /// The edge stops; what has no end of its own looks for one.
    pub draining: CancellationToken,
    /// Streams that are still open end now.
    pub cut_streams: CancellationToken,
}

impl Edge {
    /// The dashboard's own token for this proxy, signed under any key that the installation has or had.
    pub fn test_call(&self, proxy: ProxyId, token: &str, now: OffsetDateTime) -> Option<VerifiedToken> {
        self.test_call_keys.iter().find_map(|key| test_call::verify(key, proxy, token, now))
    }

    pub fn serve_from(&self, snapshot: Snapshot) {
        self.metrics.config_version.set(snapshot.version);
        self.snapshot.store(Arc::new(snapshot));
        self.config_changes.send_replace(());
    }
}
