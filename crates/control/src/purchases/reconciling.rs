//! Heals what was missed: looks through the seller's events every ten minutes, and once a day compares everything that was
//! bought with what is kept here. It only asks for readings, as a webhook does.

use std::collections::BTreeSet;
use std::time::Duration as Wait;

use keyward_domain::plans::{Entitlement, EntitlementState};
use keyward_payments::{Access, BoughtItem, ReadError, Seller};
use keyward_store::StoreError;
use keyward_store::purchase_sources::{DueSource, SourceRef, SourceRun};
use keyward_store::purchasers::NewPurchaseEvent;
use time::{Duration, OffsetDateTime};
use tokio_util::sync::CancellationToken;

use super::backoff;
use crate::{Control, ControlError};

const LOOKS_EVERY: Wait = Wait::from_secs(5);
const RUNS_EVERY: Duration = Duration::minutes(10);
/// After a crash in the middle of a run, the next one.
const TAKEN_FOR: Duration = Duration::minutes(5);
const BACKOFF: (Duration, Duration) = (Duration::minutes(1), Duration::hours(1));
/// Events are looked through again from so long before the end of the last look: a seller may list one late.
const OVERLAP: Duration = Duration::minutes(10);
const COMPARES_EVERY: Duration = Duration::hours(24);
/// With a hundred on each: five thousand events, a hundred thousand subscriptions.
const MOST_EVENT_PAGES: usize = 50;
const MOST_PAGES: usize = 1_000;
/// Customers without a list to compare them by, and those of nobody, in one run.
const CUSTOMERS_A_RUN: u32 = 50;

enum RunError {
    Seller(ReadError),
    Ours(ControlError),
}

impl From<ReadError> for RunError {
    fn from(error: ReadError) -> Self {
        Self::Seller(error)
    }
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Ours(error.into())
    }
}

/// What a run came to.
#[derive(Default)]
struct Found {
    events: usize,
    missed: usize,
    compared: Option<usize>,
    read_again: usize,
    has_all_events: bool,
}

impl Control {
    /// Until it is told to stop. A run that is cut off is begun again by the next server.
    pub async fn keep_purchases_reconciled(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                done = self.reconcile_due_sources() => {
                    if let Err(error) = done {
                        tracing::warn!(%error, "purchases can't be reconciled now; it is tried again");
                    }
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOKS_EVERY) => {}
            }
        }
    }

    /// Until none is due.
    pub async fn reconcile_due_sources(&self) -> Result<(), ControlError> {
        loop {
            let now = self.now();
            let Some(due) = self.store().take_due_source(now, now + TAKEN_FOR).await? else { return Ok(()) };
            let run = match self.run(&due, now).await {
                Ok(run) => run,
                Err(RunError::Seller(error)) => failed(&due, error, now),
                // Disconnected meanwhile.
                Err(RunError::Ours(ControlError::NotFound)) => continue,
                Err(RunError::Ours(error)) => return Err(error),
            };
            self.store().record_source_run(&due.source, &run).await?;
            self.purchase_work().there_is_some.notify_one();
        }
    }

    async fn run(&self, due: &DueSource, now: OffsetDateTime) -> Result<SourceRun, RunError> {
        let access = self.access(&due.source).await.map_err(RunError::Ours)?;
        let mut found = self.look_through_events(due, &access, now).await?;
        let is_time = due.compared_at.is_none_or(|at| at + COMPARES_EVERY <= now);
        // Events that are no longer listed leave a gap that only a comparison closes.
        let compares = is_time || !found.has_all_events;
        if compares {
            found.compared = self.compare_everything(&due.source, &access, now, &mut found.read_again).await?;
        }
        if found.compared.is_none() {
            let old = self.store().purchasers_read_before(&due.source, now - COMPARES_EVERY, CUSTOMERS_A_RUN).await?;
            found.read_again += self.want(&due.source, &old, now).await?;
        }
        let of_nobody = self.store().purchasers_of_nobody(&due.source, now - OVERLAP, CUSTOMERS_A_RUN).await?;
        found.read_again += self.want(&due.source, &of_nobody, now).await?;
        Ok(SourceRun {
            at: now,
            ok: true,
            note: found.in_words(),
            next_at: now + RUNS_EVERY,
            heard_until: Some(now),
            compared_at: compares.then_some(now),
        })
    }

    async fn look_through_events(
        &self,
        due: &DueSource,
        access: &Access,
        now: OffsetDateTime,
    ) -> Result<Found, RunError> {
        let seller = self.sellers().of(due.source.source);
        let mut found = Found { has_all_events: true, ..Found::default() };
        let Some(heard_until) = due.heard_until else { return Ok(found) };
        let oldest = now - seller.events_kept();
        found.has_all_events = heard_until >= oldest || seller.events_kept() == Duration::ZERO;
        let (since, mut page) = ((heard_until - OVERLAP).max(oldest), None);
        for _ in 0..MOST_EVENT_PAGES {
            let list = seller.events(access, since, page.as_deref()).await?;
            for event in &list.items {
                let new = NewPurchaseEvent { id: &event.id, kind: &event.kind, customers: &event.customers };
                found.events += 1;
                found.missed += usize::from(self.store().take_purchase_event(&due.source, &new, now).await?);
            }
            page = list.next;
            if page.is_none() {
                return Ok(found);
            }
        }
        found.has_all_events = false;
        Ok(found)
    }

    /// `None` where the seller has no list.
    async fn compare_everything(
        &self,
        source: &SourceRef,
        access: &Access,
        now: OffsetDateTime,
        read_again: &mut usize,
    ) -> Result<Option<usize>, RunError> {
        let seller: &dyn Seller = self.sellers().of(source.source);
        let (mut compared, mut page) = (0, None);
        for _ in 0..MOST_PAGES {
            let Some(list) = seller.everything(access, page.as_deref()).await? else { return Ok(None) };
            compared += list.items.len();
            let customers: BTreeSet<String> = list.items.iter().map(|item| item.customer.clone()).collect();
            let customers: Vec<String> = customers.into_iter().collect();
            let known = self.store().purchases_of_customers(source, &customers).await?;
            let differ: BTreeSet<String> = list
                .items
                .iter()
                .filter(|item| !is_known(known.get(&item.customer), item))
                .map(|item| item.customer.clone())
                .collect();
            *read_again += self.want(source, &differ.into_iter().collect::<Vec<_>>(), now).await?;
            page = list.next;
            if page.is_none() {
                break;
            }
        }
        Ok(Some(compared))
    }

    async fn want(&self, source: &SourceRef, customers: &[String], now: OffsetDateTime) -> Result<usize, StoreError> {
        if !customers.is_empty() {
            self.store().want_purchasers(source, customers, now).await?;
        }
        Ok(customers.len())
    }
}

/// What is over and was never kept changes nothing, but for a customer who is not known at all.
fn is_known(known: Option<&Vec<Entitlement>>, item: &BoughtItem) -> bool {
    let Some(known) = known else { return false };
    let listed = &item.entitlement;
    match known.iter().find(|kept| kept.id == listed.id) {
        None => listed.state == EntitlementState::Over,
        Some(kept) => match (kept.state, listed.state) {
            // A list does not say since when.
            (EntitlementState::PastDue { .. }, EntitlementState::PastDue { .. }) => {
                *kept == Entitlement { state: kept.state, ..listed.clone() }
            }
            _ => kept == listed,
        },
    }
}

fn failed(due: &DueSource, error: ReadError, now: OffsetDateTime) -> SourceRun {
    let asked = if let ReadError::Limited { wait } = error { wait } else { None };
    tracing::info!(app = %due.source.app, source = due.source.source.name(), %error, "purchases were not reconciled");
    SourceRun {
        at: now,
        ok: false,
        note: error.to_string(),
        next_at: now + backoff::wait(due.failures, BACKOFF, asked, backoff::jitter()),
        heard_until: None,
        compared_at: None,
    }
}

impl Found {
    fn in_words(&self) -> String {
        let mut parts = Vec::new();
        if self.events > 0 {
            parts.push(format!("{} events, of which {} had not come", self.events, self.missed));
        }
        if let Some(compared) = self.compared {
            parts.push(format!("{compared} subscriptions compared"));
        }
        if self.read_again > 0 {
            parts.push(format!("{} customers to be read again", self.read_again));
        }
        if parts.is_empty() { "nothing was missed".to_owned() } else { parts.join("; ") }
    }
}
