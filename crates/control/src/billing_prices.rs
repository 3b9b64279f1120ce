//! What is wrong with the prices at which tiers are sold: asked of Stripe at the start, and said where the operator looks.

use std::collections::BTreeSet;

use keyward_domain::tiers::TierPrice;
use keyward_payments::{Mode as StripeMode, PriceFacts};

use crate::{Billing, Control, Mode};

impl Control {
    /// Each with the setting to correct; nothing where no money is taken. Changes nothing: a tier that can't be bought says
    /// so when somebody wants it.
    pub async fn faults_of_prices(&self) -> Vec<String> {
        let Some(billing) = self.taking_money() else { return Vec::new() };
        let mut faults = self.fault_of_mode(billing);
        let mut sold = Vec::new();
        for price in &billing.prices {
            match billing.stripe.price(&price.price).await {
                Ok(Some(facts)) => sold.push((price, facts)),
                Ok(None) => faults.push(fault(price, &unknown(billing))),
                Err(error) => faults.push(fault(price, &format!("could not be looked at: {error}"))),
            }
        }
        for (price, facts) in &sold {
            if !facts.is_recurring {
                faults.push(fault(price, "is paid once; a tier needs a recurring price"));
            }
            if !facts.is_active {
                faults.push(fault(price, "is archived at Stripe, and can\u{2019}t be bought"));
            }
        }
        faults.extend(fault_of_currencies(&sold));
        faults
    }

    fn fault_of_mode(&self, billing: &Billing) -> Vec<String> {
        let is_production = match &self.settings().mode {
            Mode::Production => true,
            Mode::Development { .. } => false,
        };
        if is_production && billing.stripe.mode() == StripeMode::Test {
            return vec!["KEYWARD_BILLING_STRIPE_KEY is a key of test mode: nobody pays real money".to_owned()];
        }
        Vec::new()
    }
}

fn unknown(billing: &Billing) -> String {
    let mode = billing.stripe.mode().name();
    format!("is unknown to Stripe in {mode} mode, which is the mode of KEYWARD_BILLING_STRIPE_KEY")
}

fn fault(price: &TierPrice, what: &str) -> String {
    format!("KEYWARD_BILLING_PRICES: {}={} {what}", price.tier.name(), price.price)
}

/// Stripe takes one currency from each customer.
fn fault_of_currencies(sold: &[(&TierPrice, PriceFacts)]) -> Option<String> {
    let mut currencies = sold.iter().map(|(_, facts)| facts.currencies.clone());
    let first = currencies.next()?;
    let common: BTreeSet<String> = currencies.fold(first, |common, other| &common & &other);
    if !common.is_empty() {
        return None;
    }
    let each = sold.iter().map(|(price, facts)| {
        let currencies: Vec<&str> = facts.currencies.iter().map(String::as_str).collect();
        format!("{} in {}", price.price, currencies.join("/"))
    });
    Some(format!(
        "KEYWARD_BILLING_PRICES: the prices have no currency in common ({}), and Stripe lets nobody who pays in one change to \
         another; give every price the same currency, or the same currency options",
        each.collect::<Vec<_>>().join(", ")
    ))
}
