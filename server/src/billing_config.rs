//! How this installation takes money from developers: all of it is set, or nothing, and then everything is on.

use keyward_domain::tiers::{TierName, TierPrice};
use zeroize::Zeroizing;

use crate::config::Reader;

const KEY: &str = "KEYWARD_BILLING_STRIPE_KEY";
const SECRETS: &str = "KEYWARD_BILLING_WEBHOOK_SECRETS";
const PRICES: &str = "KEYWARD_BILLING_PRICES";
const TRIAL: &str = "KEYWARD_BILLING_TRIAL_DAYS";
const MOST_TRIAL_DAYS: u16 = 90;

pub struct BillingConfig {
    pub stripe_key: Zeroizing<String>,
    pub webhook_secrets: Vec<Zeroizing<String>>,
    pub prices: Vec<TierPrice>,
    pub trial_days: u16,
}

pub(crate) fn read(reader: &mut Reader<'_>) -> Option<BillingConfig> {
    let [key, secrets, prices, trial] = [KEY, SECRETS, PRICES, TRIAL].map(|name| reader.text(name));
    if [&key, &secrets, &prices, &trial].into_iter().all(Option::is_none) {
        return None;
    }
    let why = "developers pay by Stripe as soon as one of KEYWARD_BILLING_… is set; set all of them, or none";
    for (name, is_missing) in [(KEY, key.is_none()), (SECRETS, secrets.is_none()), (PRICES, prices.is_none())] {
        if is_missing {
            reader.fault(name, format!("is missing; {why}"));
        }
    }
    let prices = reader.parsed(PRICES, prices, tier_prices);
    let trial = reader.parsed(TRIAL, trial.or_else(|| Some("0".to_owned())), trial_days);
    let secrets: Vec<_> = secrets?.split(',').map(|secret| Zeroizing::new(secret.trim().to_owned())).collect();
    Some(BillingConfig {
        stripe_key: Zeroizing::new(key?),
        webhook_secrets: secrets,
        prices: prices?,
        trial_days: trial?,
    })
}

/// `pro=price_1,scale=price_2`
fn tier_prices(text: &str) -> Result<Vec<TierPrice>, &'static str> {
    const WRONG: &str = "must be like pro=price_…,scale=price_…";
    let parse = |pair: &str| {
        let (tier, price) = pair.trim().split_once('=').ok_or(WRONG)?;
        let tier = TierName::named(tier).filter(|tier| *tier != TierName::Free).ok_or(WRONG)?;
        let is_price = price.starts_with("price_") && price.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_price { Ok(TierPrice { tier, price: price.to_owned() }) } else { Err(WRONG) }
    };
    let prices: Vec<TierPrice> = text.split(',').map(parse).collect::<Result<_, _>>()?;
    let is_twice = |(at, price): (usize, &TierPrice)| prices[..at].iter().any(|other| other.price == price.price);
    if prices.iter().enumerate().any(is_twice) {
        return Err("names a price twice: each buys one tier");
    }
    Ok(prices)
}

fn trial_days(text: &str) -> Result<u16, String> {
    let days = text.parse().ok().filter(|days| *days <= MOST_TRIAL_DAYS);
    days.ok_or_else(|| format!("must be a whole number of days, at most {MOST_TRIAL_DAYS}; 0 for no trial"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_by_tier_and_free_has_none() {
        let prices = tier_prices("pro=price_1, scale=price_2").expect("prices");
        assert_eq!(
            prices.iter().map(|price| (price.tier, price.price.as_str())).collect::<Vec<_>>(),
            [(TierName::Pro, "price_1"), (TierName::Scale, "price_2"),]
        );
        for wrong in [
            "",
            "pro",
            "pro=",
            "pro=prod_1",
            "free=price_1",
            "gold=price_1",
            "pro=price_1;x",
            "pro=price_1,scale=price_1",
        ] {
            assert!(tier_prices(wrong).is_err(), "{wrong}");
        }
        assert!(trial_days("91").is_err() && trial_days("-1").is_err() && trial_days("14") == Ok(14));
    }
}
