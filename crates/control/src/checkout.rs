//! The way to Stripe's pages, where a tier is paid for and changed. Nobody pays twice: at most one page of an account can be paid
//! on, and whoever pays already is taken to the portal.

use keyward_domain::ids::AccountId;
use keyward_domain::tiers::{TierName, month_of, still_runs};
use keyward_payments::{Checkout, ReadError};
use keyward_store::tiers::AccountTierRow;
use url::Url;

use crate::billing::unreachable;
use crate::{Actor, Billing, Control, ControlError};

impl Control {
    /// The page at Stripe where a tier is paid for. Whoever pays for one already changes it in the portal.
    pub async fn start_checkout(&self, actor: &Actor, tier: TierName) -> Result<Url, ControlError> {
        let account = actor.editing()?;
        let billing = self.taking_money().ok_or(ControlError::NotFound)?;
        let price = billing.prices.iter().find(|price| price.tier == tier);
        let price = price.ok_or_else(|| ControlError::invalid("tier", "this tier can\u{2019}t be bought"))?;
        let row = self.store().account_tier(account, month_of(self.now())).await?;
        // As Stripe has it now: a page that was left without paying costs nobody the trial, and an event that is still on its
        // way lets nobody pay twice.
        let bought = match &row.stripe_customer {
            Some(customer) => billing.stripe.read(customer).await.map_err(unreachable)?.entitlements,
            None => Vec::new(),
        };
        if still_runs(&billing.prices, &bought) {
            return self.open_portal(actor).await;
        }
        let customer = self.own_customer(actor, billing, &row).await?;
        let checkout = Checkout {
            account,
            customer: &customer,
            price: &price.price,
            trial_days: if bought.is_empty() { billing.trial_days } else { 0 },
            success_url: &self.settings().dashboard_page("account/billing?paid=1"),
            cancel_url: &self.settings().dashboard_page("account/billing"),
        };
        let page = billing.stripe.checkout(checkout).await.map_err(not_sold)?;
        close_all_but_the_newest(billing, account, &customer).await?;
        // On a page that could not be closed any more, somebody has paid.
        let bought = billing.stripe.read(&customer).await.map_err(unreachable)?.entitlements;
        if still_runs(&billing.prices, &bought) {
            close(billing, account, &page.id).await?;
            return self.open_portal(actor).await;
        }
        Ok(page.url)
    }

    /// Stripe's page for what is paid, how, and until when.
    pub async fn open_portal(&self, actor: &Actor) -> Result<Url, ControlError> {
        let account = actor.editing()?;
        let billing = self.taking_money().ok_or(ControlError::NotFound)?;
        let row = self.store().account_tier(account, month_of(self.now())).await?;
        let customer = row.stripe_customer.ok_or(ControlError::NotFound)?;
        let back = self.settings().dashboard_page("account/billing");
        billing.stripe.portal(&customer, &back).await.map_err(unreachable)
    }

    /// Two tabs at once make one customer: Stripe by the account's key, we by the first that was written.
    async fn own_customer(
        &self,
        actor: &Actor,
        billing: &Billing,
        row: &AccountTierRow,
    ) -> Result<String, ControlError> {
        if let Some(customer) = &row.stripe_customer {
            return Ok(customer.clone());
        }
        let account = actor.account_id();
        let email = self.store().member(actor.member_id()).await?.email;
        let customer = billing.stripe.make_customer(account, &email).await.map_err(unreachable)?;
        Ok(self.store().set_stripe_customer(account, &customer).await?)
    }
}

/// After the new page is there: of two tabs at the same moment, each sees the other's, and both leave the same one.
async fn close_all_but_the_newest(billing: &Billing, account: AccountId, customer: &str) -> Result<(), ControlError> {
    let pages = billing.stripe.open_checkouts(customer).await.map_err(unreachable)?;
    for page in pages.iter().skip(1) {
        close(billing, account, page).await?;
    }
    Ok(())
}

async fn close(billing: &Billing, account: AccountId, page: &str) -> Result<(), ControlError> {
    match billing.stripe.expire_checkout(page).await {
        Ok(()) => Ok(()),
        // Paid or expired meanwhile.
        Err(ReadError::Status(_)) => {
            tracing::info!(%account, "a page of Checkout was over before it was closed");
            Ok(())
        }
        Err(error) => Err(unreachable(error)),
    }
}

/// Trying again helps only where Stripe was away.
fn not_sold(error: ReadError) -> ControlError {
    let reason = match error {
        ReadError::Limited { .. } | ReadError::Unreachable => return unreachable(error),
        ReadError::OtherCurrency => {
            "Stripe takes one currency from each customer, and you have paid in another. Cancel what still runs in it under \
             Subscription, then take this tier"
        }
        ReadError::Refused | ReadError::MayNotRead(_) | ReadError::Status(_) | ReadError::Unintelligible => {
            "Stripe does not sell this tier now, and trying again does not help; whoever runs this installation finds the \
             reason in its log"
        }
    };
    tracing::error!(%error, "a tier could not be sold; see KEYWARD_BILLING_PRICES and KEYWARD_BILLING_STRIPE_KEY");
    ControlError::Conflict { reason: reason.to_owned() }
}
