//! What every use case works with, and the work that goes on behind an answer.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::clock::Clock;
use keyward_identity::KeySets;
use keyward_outbound::Guard;
use keyward_payments::Sellers;
use keyward_store::Store;
use keyward_store::sealing::KeyRing;
use time::OffsetDateTime;
use tokio_util::task::TaskTracker;

use crate::billing::Billing;
use crate::mailer::{Mail, Mailer};
use crate::passwords::PasswordHasher;
use crate::purchases::PurchaseWork;
use crate::settings::Settings;
use crate::test_request::edge_client;
use crate::{ControlError, Mode};

/// An address that nobody confirmed for so long is free again, and nothing is kept of it.
const UNCONFIRMED_FOR: time::Duration = time::Duration::days(7);

/// No seller sends an event again after so long.
const PURCHASE_EVENTS_KEPT: time::Duration = time::Duration::days(30);

/// So long an invitation that has expired is shown, and can be sent again.
const EXPIRED_INVITATIONS_KEPT: time::Duration = time::Duration::days(30);

/// Longer than a month, in which each is given once.
const NOTICES_KEPT: time::Duration = time::Duration::days(100);

pub struct ControlParts {
    pub store: Store,
    pub clock: Clock,
    pub key_ring: KeyRing,
    pub key_sets: KeySets,
    pub guard: Guard,
    pub mailer: Mailer,
    pub sellers: Sellers,
    /// `None` where developers pay nothing.
    pub billing: Option<Billing>,
    pub settings: Settings,
}

/// The dashboard's use cases. Cheap to clone.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    parts: ControlParts,
    passwords: PasswordHasher,
    edge: reqwest::Client,
    background: TaskTracker,
    purchase_work: PurchaseWork,
}

impl Control {
    pub fn new(parts: ControlParts) -> Self {
        let inner = Inner {
            parts,
            passwords: PasswordHasher::new(),
            edge: edge_client(),
            background: TaskTracker::new(),
            purchase_work: PurchaseWork::default(),
        };
        Self(Arc::new(inner))
    }

    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.0.parts.clock.now()
    }

    pub(crate) fn key_ring(&self) -> &KeyRing {
        &self.0.parts.key_ring
    }

    pub(crate) fn key_sets(&self) -> &KeySets {
        &self.0.parts.key_sets
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.0.parts.guard
    }

    pub(crate) fn sellers(&self) -> &Sellers {
        &self.0.parts.sellers
    }

    pub(crate) fn taking_money(&self) -> Option<&Billing> {
        self.0.parts.billing.as_ref()
    }

    pub(crate) fn mailer(&self) -> &Mailer {
        &self.0.parts.mailer
    }

    pub(crate) fn purchase_work(&self) -> &PurchaseWork {
        &self.0.purchase_work
    }

    pub(crate) fn passwords(&self) -> &PasswordHasher {
        &self.0.passwords
    }

    pub(crate) fn edge(&self) -> &reqwest::Client {
        &self.0.edge
    }

    pub(crate) fn is_development(&self) -> bool {
        match self.settings().mode {
            Mode::Production => false,
            Mode::Development { .. } => true,
        }
    }

    /// Work that must not show in the time of an answer.
    pub(crate) fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.background.spawn(work);
    }

    /// Sends behind the answer: a mail server's slowness must not tell that an address is known.
    pub(crate) fn post(&self, mail: Mail) {
        let control = self.clone();
        self.in_background(async move { control.0.parts.mailer.deliver(control.store(), &mail, control.now()).await });
    }

    /// How many passwords were hashed or verified since the start: nearly all of what an answer to a stranger costs.
    pub fn password_runs(&self) -> u64 {
        self.passwords().runs()
    }

    /// Waits until the mails and lookups queued so far are done, or `longest` is over. At a stop, and in tests.
    pub async fn settle(&self, longest: Duration) {
        self.0.background.close();
        let _ = tokio::time::timeout(longest, self.0.background.wait()).await;
        self.0.background.reopen();
    }

    /// Throws away what has expired: sessions, links, back-offs, sign-ups that nobody confirmed, old usage. Once an hour
    /// is enough.
    pub async fn sweep(&self) -> Result<(), ControlError> {
        let now = self.now();
        let sessions = self.store().delete_expired_sessions(now).await?;
        let links = self.store().delete_expired_email_tokens(now).await?;
        let backoffs = self.store().delete_old_backoffs(now - time::Duration::days(2)).await?;
        let sign_ups = self.store().delete_unconfirmed_members(now - UNCONFIRMED_FOR, now).await?;
        tracing::debug!(sessions, links, backoffs, sign_ups, "swept what had expired");
        let events = self.store().delete_old_purchase_events(now - PURCHASE_EVENTS_KEPT).await?;
        let own = self.store().delete_old_billing_events(now - PURCHASE_EVENTS_KEPT).await?;
        tracing::debug!(events, own, "forgot old events of sellers");
        self.store().delete_old_notices(now - NOTICES_KEPT).await?;
        self.store().delete_old_invitations(now - EXPIRED_INVITATIONS_KEPT).await?;
        let usage = self.store().keep_usage(now).await?;
        tracing::debug!(?usage, "made room for usage, and threw away what is old");
        Ok(())
    }
}
