//! Settings and customers with which no tier can be sold: said to the operator at the start, and to the developer who tries.

use keyward_control::ControlError;
use keyward_domain::tiers::TierName;
use serde_json::{Value, json};

use crate::paying::Paying;
use crate::world::World;

fn price(id: &str, currencies: &[&str]) -> Value {
    let options: serde_json::Map<String, Value> =
        currencies.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    json!({"id": id, "active": true, "product": "prod_1", "currency": currencies[0], "currency_options": options,
        "recurring": {"interval": "month"}})
}

#[tokio::test]
async fn what_is_wrong_with_the_prices_of_tiers_is_said_at_the_start() {
    let paying = Paying::start().await;
    let (pro, scale) = (price("price_pro", &["usd", "eur"]), price("price_scale", &["eur"]));
    let but = |change: (&str, Value)| {
        let mut other = price("price_scale", &["eur"]);
        other[change.0] = change.1;
        other
    };
    for (prices, want) in [
        (vec![pro.clone(), scale], vec![]),
        (vec![pro.clone()], vec!["KEYWARD_BILLING_PRICES: scale=price_scale is unknown to Stripe in test mode"]),
        (vec![pro.clone(), but(("recurring", Value::Null))], vec!["scale=price_scale is paid once"]),
        (vec![pro.clone(), but(("active", json!(false)))], vec!["scale=price_scale is archived"]),
        (vec![pro, price("price_scale", &["gbp"])], vec!["price_pro in eur/usd, price_scale in gbp"]),
    ] {
        paying.world.shop.has_prices(prices);
        let faults = paying.control.faults_of_prices().await;
        assert_eq!(faults.len(), want.len(), "{faults:?}");
        assert!(faults.iter().zip(&want).all(|(fault, want)| fault.contains(want)), "{faults:?}");
    }
    paying.world.shop.refuses("/stripe/v1/prices", 403);
    let faults = paying.control.faults_of_prices().await;
    assert!(faults[0].contains("no permission to read Prices"), "{faults:?}");
}

#[tokio::test]
async fn without_money_nobody_asks_for_prices() {
    let world = World::development().await;
    assert!(world.control.faults_of_prices().await.is_empty() && world.shop.asked().is_empty());
}

#[tokio::test]
async fn a_tier_that_can_t_be_sold_says_why_and_whether_trying_again_helps() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    let currencies = "You cannot combine currencies on a single customer. This customer has an active subscription with \
        currency eur.";
    for (status, message, want) in [
        (400, currencies, "you have paid in another"),
        (400, "No such price: 'price_pro'", "trying again does not help"),
        (403, "no", "whoever runs this installation"),
        (503, "no", "try again in a minute"),
    ] {
        paying.world.shop.refuses_form("/stripe/v1/checkout/sessions", status, message);
        let Err(ControlError::Conflict { reason }) = paying.control.start_checkout(&paying.actor, TierName::Pro).await
        else {
            panic!("refused")
        };
        assert!(reason.contains(want), "{status} {message}: {reason}");
        assert!(!reason.contains("eur") && !reason.contains("price_pro"), "Stripe\u{2019}s own text stays behind");
        paying.world.shop.refuses_nothing();
    }
}
