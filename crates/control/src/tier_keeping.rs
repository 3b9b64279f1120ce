//! Keeps accounts within their tiers: counts, decides on warnings, stops, and lets go again; and reads at Stripe what no
//! webhook told. Of several servers each does it, and comes to the same.

use std::time::Duration;

use keyward_domain::ids::AccountId;
use keyward_domain::notices::{AccountNotice, Use};
use keyward_domain::tiers::{self, Standing, month_of, standing};
use keyward_store::tiers::{AccountTierRow, Judged};
use time::OffsetDateTime;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{Control, ControlError};

const EVERY: Duration = Duration::from_secs(10);
/// What no webhook told is found out so often, a few accounts at a time.
const READ_AFTER: time::Duration = time::Duration::hours(6);
const READ_AT_ONCE: u32 = 5;

impl Control {
    /// Until `stop`.
    pub async fn keep_tiers(&self, stop: CancellationToken) {
        if self.taking_money().is_none() {
            match self.store().lift_all_standings().await {
                Ok(0) => {}
                Ok(lifted) => tracing::info!(lifted, "no money is taken here: no account is stopped any more"),
                Err(error) => tracing::warn!(%error, "accounts that are stopped could not be let go"),
            }
            return;
        }
        loop {
            if let Err(error) = self.store().begin_billing(self.now()).await {
                tracing::warn!(%error, "that money is taken here could not be written down");
            }
            if let Err(error) = self.judge_accounts().await {
                tracing::warn!(%error, "the standing of accounts could not be looked at");
            }
            if let Err(error) = self.read_billing_again().await {
                tracing::warn!(%error, "subscriptions of developers could not be read again");
            }
            tokio::select! {
                () = sleep(EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Once over all accounts that are near the end of their requests, or were.
    pub async fn judge_accounts(&self) -> Result<(), ControlError> {
        let now = self.now();
        let fewest = tiers::all().iter().map(tiers::Tier::warned_from).min().unwrap_or(0);
        for row in self.store().accounts_to_judge(month_of(now), fewest).await? {
            self.judge(&row, now).await?;
        }
        Ok(())
    }

    async fn judge(&self, row: &AccountTierRow, now: OffsetDateTime) -> Result<(), ControlError> {
        let (account, name) = (AccountId(row.id), row.tier()?);
        let tier = name.tier();
        // Another month, or another tier: what was over is over no more.
        let over_since = row.over_since.filter(|since| month_of(*since) == month_of(now));
        let over_since = (row.requests() >= tier.requests_per_month).then(|| over_since.unwrap_or(now));
        let standing = standing(tier, row.requests(), over_since, now);
        let stopped = standing == Standing::Stopped;
        let notice = AccountNotice::of_standing(Use { tier: name, requests: row.requests() }, standing, now)
            .filter(|notice| !row.notices.iter().any(|given| given == notice.kind.name()));
        if notice.is_none() && over_since == row.over_since && stopped == row.stopped {
            return Ok(());
        }
        if stopped != row.stopped {
            tracing::info!(%account, tier = name.name(), stopped, "an account's standing changed");
        }
        let judged = Judged { tier: name, over_since, stopped, notice: notice.as_ref() };
        self.store().set_standing(account, &judged, now).await?;
        Ok(())
    }

    async fn read_billing_again(&self) -> Result<(), ControlError> {
        let before = self.now() - READ_AFTER;
        for (account, customer) in self.store().billing_read_before(before, READ_AT_ONCE).await? {
            self.read_billing(account, &customer, None).await?;
        }
        Ok(())
    }
}
