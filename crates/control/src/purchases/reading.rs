//! Reads what customers have, a few at once, and finds out who they are.

use std::time::Duration as Wait;

use keyward_domain::ids::IssuerId;
use keyward_domain::issuer::Subject;
use keyward_domain::plans::NamedUser;
use keyward_payments::{ReadError, Reading};
use keyward_store::StoreError;
use keyward_store::purchase_sources::SourceRef;
use keyward_store::purchasers::{DuePurchaser, PurchaserReading};
use time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::backoff;
use crate::{Control, ControlError};

const AT_ONCE: usize = 4;
/// For so long nobody else takes a customer that is being read: after a crash, it waits as long.
const TAKEN_FOR: Duration = Duration::seconds(30);
/// Shorter than that.
const LONGEST_READING: Wait = Wait::from_secs(25);
const BACKOFF: (Duration, Duration) = (Duration::seconds(1), Duration::minutes(15));
/// For what other servers have written down, and what is tried again.
const LOOKS_EVERY: Wait = Wait::from_secs(1);

impl Control {
    /// Until it is told to stop; readings that are under way then are finished.
    pub async fn keep_purchases_read(&self, stop: CancellationToken) {
        let mut readings = JoinSet::new();
        let mut was_away = false;
        loop {
            if stop.is_cancelled() {
                while readings.join_next().await.is_some() {}
                return;
            }
            let started = self.begin_readings(&mut readings).await;
            if let (Err(error), false) = (&started, was_away) {
                tracing::warn!(%error, "purchases that are to be read can't be looked for; it is tried again");
            }
            was_away = started.is_err();
            tokio::select! {
                Some(_) = readings.join_next() => {}
                () = self.purchase_work().there_is_some.notified() => {}
                () = tokio::time::sleep(LOOKS_EVERY) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Until none is due.
    pub async fn read_due_purchasers(&self) -> Result<(), ControlError> {
        let mut readings = JoinSet::new();
        loop {
            self.begin_readings(&mut readings).await?;
            if readings.join_next().await.is_none() {
                return Ok(());
            }
        }
    }

    async fn begin_readings(&self, readings: &mut JoinSet<()>) -> Result<(), ControlError> {
        while readings.len() < AT_ONCE {
            let now = self.now();
            let Some(due) = self.store().take_due_purchaser(now, now + TAKEN_FOR).await? else { return Ok(()) };
            let control = self.clone();
            readings.spawn(async move {
                if let Err(error) = control.read_purchaser(&due).await {
                    tracing::warn!(app = %due.source.app, source = due.source.source.name(), %error,
                        "what a customer has could not be kept; it is read again");
                }
            });
        }
        Ok(())
    }

    async fn read_purchaser(&self, due: &DuePurchaser) -> Result<(), ControlError> {
        let now = self.now();
        if let Some(until) = self.purchase_work().paused_until(&due.source, now) {
            let apart = Duration::SECOND * backoff::jitter();
            return Ok(self.store().put_purchaser_off(due, until + apart).await?);
        }
        let access = self.access(&due.source).await?;
        let reading = self.sellers().of(due.source.source).read(&access, &due.customer);
        let read = tokio::time::timeout(LONGEST_READING, reading).await.unwrap_or(Err(ReadError::Unreachable));
        match read {
            Ok(reading) => {
                self.purchase_work().answered(&due.source);
                self.keep_reading(due, reading).await
            }
            Err(error) => self.put_off(due, error).await,
        }
    }

    async fn keep_reading(&self, due: &DuePurchaser, reading: Reading) -> Result<(), ControlError> {
        let named = reading.named.as_ref().map(|(named, _)| named.as_str()).or(due.named_user.as_deref());
        let (subject, unlinked_because) = match named {
            None => (None, None),
            Some(named) => match self.subject_named(&due.source, named).await? {
                Ok(subject) => (Some(subject), None),
                Err(why) => (None, Some(why)),
            },
        };
        let Reading { email, named, entitlements } = reading;
        let reading = PurchaserReading { email, named, entitlements, unlinked_because };
        self.store().write_purchaser(due, &reading, subject.as_ref(), self.now()).await?;
        Ok(())
    }

    async fn put_off(&self, due: &DuePurchaser, error: ReadError) -> Result<(), ControlError> {
        let now = self.now();
        let asked = match error {
            ReadError::Limited { wait } => wait,
            ReadError::Refused
            | ReadError::MayNotRead(_)
            | ReadError::Unreachable
            | ReadError::Status(_)
            | ReadError::Unintelligible
            | ReadError::OtherCurrency => None,
        };
        match error {
            // The next customer would fare no better.
            ReadError::Limited { .. } | ReadError::Unreachable | ReadError::Refused | ReadError::MayNotRead(_) => {
                self.purchase_work().pause(&due.source, asked, now);
            }
            ReadError::Status(_) | ReadError::Unintelligible | ReadError::OtherCurrency => {}
        }
        let wait = backoff::wait(due.failures, BACKOFF, asked, backoff::jitter());
        tracing::info!(app = %due.source.app, source = due.source.source.name(), %error, "a customer could not be read");
        Ok(self.store().purchaser_not_read(due, &error.to_string(), now + wait).await?)
    }

    /// The user, or why there is none.
    async fn subject_named(&self, source: &SourceRef, named: &str) -> Result<Result<Subject, String>, StoreError> {
        let named: NamedUser = match named.parse() {
            Ok(named) => named,
            Err(error) => return Ok(Err(format!("the records name nobody who can be a user: {error}"))),
        };
        let rows = self.store().issuers(source.account, source.app).await?;
        let issuers: Vec<IssuerId> = rows.into_iter().map(|row| IssuerId(row.id)).collect();
        let found = match (named.issuer, issuers.as_slice()) {
            (Some(issuer), of_app) if of_app.contains(&issuer) => Ok(issuer),
            (Some(_), _) => Err("the records name an identity provider that this app does not have".to_owned()),
            (None, [only]) => Ok(*only),
            (None, []) => Err("the app has no identity provider yet".to_owned()),
            (None, _) => match self.store().issuers_that_know(source.app, &named.sub).await?.as_slice() {
                [only] => Ok(*only),
                [] => Err("the app has several identity providers, and nobody of this id has called by any; \
                    put {identity provider’s id}/ before the user’s, or link by hand"
                    .to_owned()),
                _ => Err("several identity providers know a user of this id; \
                    put {identity provider’s id}/ before the user’s, or link by hand"
                    .to_owned()),
            },
        };
        Ok(found.map(|issuer| Subject { issuer, sub: named.sub }))
    }
}
