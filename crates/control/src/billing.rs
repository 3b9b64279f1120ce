//! What developers pay us for: their tier, the way to Stripe's pages, and what Stripe says of it. Where the installation takes
//! no money there is none of it, and everything is on.

use keyward_domain::ids::AccountId;
use keyward_domain::log_days::LogDays;
use keyward_domain::notices::{AccountNotice, Use};
use keyward_domain::plans::{Entitlement, EntitlementState};
use keyward_domain::tiers::{self, TierName, TierPrice, month_of, next_month, paid_tiers, standing};
use keyward_domain::view::{BesideView, BillingView, SubscriptionState, SubscriptionView, TierOffer};
use keyward_payments::{OwnStripe, ReadError, Webhook};
use keyward_store::StoreError;
use keyward_store::tiers::BillingReading;
use time::OffsetDateTime;

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
            beside: row.subscriptions_beside.0.iter().filter_map(|paid| beside(billing, paid, now)).collect(),
            has_portal: row.stripe_customer.is_some(),
            may_pay: actor.editing().is_ok(),
        }))
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
        let mut paid = paid_tiers(&billing.prices, &reading.entitlements, now).into_iter();
        let (tier, subscription) = paid.next().map_or((TierName::Free, None), |(tier, paid)| (tier, Some(paid)));
        // One that ends by itself needs nobody.
        let beside: Vec<Entitlement> = paid.map(|(_, paid)| paid).filter(|paid| !paid.ends).collect();
        if !beside.is_empty() {
            tracing::warn!(%account, subscriptions = beside.len() + 1, "an account pays for more than one subscription");
        }
        let requests = self.store().account_tier(account, month_of(now)).await?.requests();
        let notice = AccountNotice::of_payment(Use { tier, requests }, subscription.as_ref(), now);
        let reading = BillingReading { number, tier, subscription, beside, notice };
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

fn beside(billing: &Billing, paid: &Entitlement, now: OffsetDateTime) -> Option<BesideView> {
    let (tier, paid) = paid_tiers(&billing.prices, std::slice::from_ref(paid), now).pop()?;
    Some(BesideView { id: paid.id.clone(), subscription: subscription(tier, &paid)? })
}

/// What Stripe said stays behind; the operator finds the kind of error in the log.
pub(crate) fn unreachable(error: ReadError) -> ControlError {
    tracing::warn!(%error, "our own account at Stripe can't be used");
    ControlError::Conflict { reason: "Stripe can\u{2019}t be reached now; try again in a minute".to_owned() }
}
