//! What developers pay us for: their tier, the way to Stripe's pages, and what Stripe says of it. Where the installation takes
//! no money there is none of it, and everything is on.

use keyward_domain::ids::AccountId;
use keyward_domain::log_days::LogDays;
use keyward_domain::notices::{AccountNotice, Use};
use keyward_domain::plans::{Entitlement, EntitlementState};
use keyward_domain::tiers::{self, TierName, TierPrice, month_of, next_month, paid_tier, standing};
use keyward_domain::view::{BillingView, SubscriptionState, SubscriptionView, TierOffer};
use keyward_payments::{Checkout, OwnStripe, ReadError, Webhook};
use keyward_store::StoreError;
use keyward_store::tiers::{AccountTierRow, BillingReading};
use url::Url;

use crate::purchases::{WebhookError, WebhookTaken};
use crate::{Actor, Control, ControlError};

/// How this installation takes money.
pub struct Billing {
    pub stripe: OwnStripe,
    pub prices: Vec<TierPrice>,
    /// For an account that has never had a subscription. 0 for none.
    pub trial_days: u16,
}

impl Control {
    /// `None` where nothing is to be paid.
    pub async fn billing(&self, actor: &Actor) -> Result<Option<BillingView>, ControlError> {
        let Some(billing) = self.taking_money() else { return Ok(None) };
        let (account, now) = (actor.account_id(), self.now());
        let row = self.store().account_tier(account, month_of(now)).await?;
        let (apps, members) = self.store().apps_and_members(account).await?;
        let tier = row.tier()?.tier();
        let offer = |tier: &tiers::Tier| TierOffer {
            tier: tier.clone(),
            can_be_bought: billing.prices.iter().any(|price| price.tier == tier.name),
        };
        Ok(Some(BillingView {
            tier: tier.clone(),
            tiers: tiers::all().iter().map(offer).collect(),
            standing: standing(tier, row.requests(), row.over_since, now),
            requests: row.requests(),
            apps: u64::try_from(apps).unwrap_or(0),
            members: u64::try_from(members).unwrap_or(0),
            resets_at: next_month(now),
            log_days_from: row.log_days(now)?.and_then(|kept| kept.from),
            subscription: row.subscription.as_ref().and_then(|paid| subscription(tier.name, &paid.0)),
            has_portal: row.stripe_customer.is_some(),
            may_pay: actor.editing().is_ok(),
        }))
    }

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
        if paid_tier(&billing.prices, &bought, self.now()).1.is_some() {
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
        billing.stripe.checkout(checkout).await.map_err(not_sold)
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

    /// Of our own account at Stripe: whoever it concerns is read there before it is answered.
    pub async fn take_billing_webhook(&self, webhook: Webhook<'_>) -> Result<WebhookTaken, WebhookError> {
        let billing = self.taking_money().ok_or(WebhookError::NotConnected)?;
        let event = billing.stripe.verify(webhook, self.now())?;
        if self.store().knows_billing_event(&event.id).await? {
            return Ok(WebhookTaken::Before);
        }
        for customer in &event.customers {
            match self.store().account_of_customer(customer).await {
                Ok(account) => self.read_billing(account, customer, Some((&event.id, &event.kind))).await?,
                // Somebody who buys something else of ours.
                Err(StoreError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.store().take_billing_event(&event.id, &event.kind, self.now()).await?;
        Ok(WebhookTaken::Now)
    }

    /// As Stripe has it now.
    pub(crate) async fn read_billing(
        &self,
        account: AccountId,
        customer: &str,
        event: Option<(&str, &str)>,
    ) -> Result<(), ControlError> {
        let billing = self.taking_money().ok_or(ControlError::NotFound)?;
        let number = self.store().next_billing_reading().await?;
        let reading = billing.stripe.read(customer).await.map_err(unreachable)?;
        let now = self.now();
        let (tier, subscription) = paid_tier(&billing.prices, &reading.entitlements, now);
        let requests = self.store().account_tier(account, month_of(now)).await?.requests();
        let notice = AccountNotice::of_payment(Use { tier, requests }, subscription.as_ref(), now);
        let reading = BillingReading { number, tier, subscription, notice };
        Ok(self.store().write_billing(account, &reading, event, now).await?)
    }

    /// What the account's members must know, for every page; the most pressing first.
    pub(crate) async fn notices(&self, account: AccountId) -> Result<Vec<AccountNotice>, ControlError> {
        if self.taking_money().is_none() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let row = self.store().account_tier(account, month_of(now)).await?;
        let used = Use { tier: row.tier()?, requests: row.requests() };
        let standing = standing(used.tier.tier(), used.requests, row.over_since, now);
        let paid = row.subscription.as_ref().map(|paid| &paid.0);
        let notices = [AccountNotice::of_standing(used, standing, now), AccountNotice::of_payment(used, paid, now)];
        Ok(notices.into_iter().flatten().collect())
    }

    /// How many apps an account may have; `None` for as many as any.
    pub(crate) async fn most_apps(&self, account: AccountId) -> Result<Option<u32>, ControlError> {
        if self.taking_money().is_none() {
            return Ok(None);
        }
        let row = self.store().account_tier(account, month_of(self.now())).await?;
        Ok(Some(row.tier()?.tier().apps))
    }

    /// For how many days an account's single requests may be kept; `None` for as many as any.
    pub(crate) async fn most_log_days(&self, account: AccountId) -> Result<Option<u32>, ControlError> {
        if self.taking_money().is_none() {
            return Ok(None);
        }
        let row = self.store().account_tier(account, month_of(self.now())).await?;
        Ok(Some(row.tier()?.tier().log_days))
    }

    /// What of single requests is kept; `None` for as many days as any.
    pub(crate) async fn log_days(&self, account: AccountId) -> Result<Option<LogDays>, ControlError> {
        if self.taking_money().is_none() {
            return Ok(None);
        }
        let now = self.now();
        Ok(self.store().account_tier(account, month_of(now)).await?.log_days(now)?)
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

fn subscription(tier: TierName, paid: &Entitlement) -> Option<SubscriptionView> {
    let state = match paid.state {
        EntitlementState::Active => SubscriptionState::Active,
        EntitlementState::Trial => SubscriptionState::Trial,
        EntitlementState::PastDue { .. } => SubscriptionState::PastDue,
        EntitlementState::Over => return None,
    };
    Some(SubscriptionView { tier, state, paid_until: paid.paid_until, ends: paid.ends })
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

/// What Stripe said stays behind; the operator finds the kind of error in the log.
fn unreachable(error: ReadError) -> ControlError {
    tracing::warn!(%error, "our own account at Stripe can't be used");
    ControlError::Conflict { reason: "Stripe can\u{2019}t be reached now; try again in a minute".to_owned() }
}
