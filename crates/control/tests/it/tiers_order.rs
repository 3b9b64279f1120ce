//! Webhooks of our own account in any order, twice, and all at once: the tier is Stripe's, in the end.

use std::sync::Arc;

use http::HeaderMap;
use keyward_control::{Actor, WebhookError, WebhookTaken};
use keyward_domain::ids::AccountId;
use keyward_domain::tiers::{TierName, month_of};
use keyward_payments::WebhookRefusal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::lives::{ENDED, RUNNING, at_stage, orders};
use crate::paying::{Paying, own_event};
use crate::purchases::signed;
use crate::shop::BILLING_SECRET;

/// Every order of a life that ends, then the same of one that goes on, so that each has something to change. Every other
/// event comes twice.
#[tokio::test]
async fn every_order_of_a_subscription_s_events_ends_in_the_same_tier() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    for (number, order) in orders().iter().enumerate() {
        for (life, want) in [(ENDED, TierName::Free), (RUNNING, TierName::Pro)] {
            let mut stage = 0;
            for (place, at) in order.iter().enumerate() {
                stage = stage.max(*at);
                paying.world.shop.sets_subscription("cus_own", at_stage("cus_own", &life, stage));
                let id = format!("evt_{number}_{at}_{}", want.name());
                assert_eq!(paying.event(&id).await, Ok(WebhookTaken::Now));
                if (place + number) % 2 == 0 {
                    assert_eq!(paying.event(&id).await, Ok(WebhookTaken::Before));
                }
            }
            assert_eq!(paying.tier().await, want, "{order:?}");
        }
    }
}

async fn customer(paying: &Paying, number: usize) -> Actor {
    let (actor, id) = (paying.world.actor(&format!("owner-{number}@example.com")).await, format!("cus_{number}"));
    paying.world.database.store().set_stripe_customer(actor.account_id(), &id).await.expect("kept");
    paying.world.shop.has_customer(&id, None, None);
    paying.world.shop.sells(&id, "trialing");
    actor
}

async fn tier_of(paying: &Paying, account: AccountId) -> TierName {
    let row = paying.world.database.store().account_tier(account, month_of(paying.world.now())).await.expect("works");
    row.tier().expect("a tier")
}

/// 1,000 events of five accounts, sixteen at a time, each twice at once. Half of the accounts end while it goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_a_thousand_events_leaves_every_account_with_the_tier_that_stripe_has() {
    let paying = Arc::new(Paying::start().await);
    let mut accounts = Vec::new();
    for number in 0..5 {
        accounts.push(customer(&paying, number).await.account_id());
    }
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let paying = Arc::clone(&paying);
        senders.spawn(async move {
            for number in (0..1_000).filter(|number| number % 16 == sender) {
                let customer = number % 5;
                if number >= 900 {
                    let status = if customer % 2 == 0 { "canceled" } else { "active" };
                    paying.world.shop.sells(&format!("cus_{customer}"), status);
                }
                let event = json!({"id": format!("evt_{number}"), "type": "invoice.paid", "livemode": false,
                    "data": {"object": {"customer": format!("cus_{customer}")}}});
                let (one, other) =
                    tokio::join!(paying.sends(&event, BILLING_SECRET), paying.sends(&event, BILLING_SECRET));
                one.expect("taken");
                other.expect("taken");
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.expect("sent");
    }
    for (number, account) in accounts.into_iter().enumerate() {
        let want = if number % 2 == 0 { TierName::Free } else { TierName::Pro };
        assert_eq!(tier_of(&paying, account).await, want, "cus_{number}");
    }
    assert_eq!(paying.world.database.count("SELECT count(*) FROM billing_events").await, 1_000);
}

/// The cases of a signature, over what is sent: none of the wrong ones costs a reading at Stripe or a row.
#[tokio::test]
async fn only_a_fresh_signature_of_ours_over_these_bytes_is_taken() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    paying.world.shop.sells("cus_own", "active");
    paying.world.shop.asked();
    let (body, now) = (own_event("evt_1").to_string(), paying.world.now().unix_timestamp());
    let spaced = serde_json::to_string_pretty(&own_event("evt_1")).expect("JSON");
    let good = signed(BILLING_SECRET, now, &body);
    let live = {
        let mut event = own_event("evt_1");
        event["livemode"] = Value::Bool(true);
        event.to_string()
    };
    for (headers, body, want) in [
        (HeaderMap::new(), &body, "there is no Stripe-Signature header"),
        (signed("whsec_other_0123456789", now, &body), &body, "no signature fits"),
        (good.clone(), &spaced, "no signature fits"),
        (signed(BILLING_SECRET, now - 301, &body), &body, "too old"),
        (signed(BILLING_SECRET, now + 301, &body), &body, "from the future"),
        (signed(BILLING_SECRET, now, &live), &live, "a live mode event"),
    ] {
        let refused = paying.posts(&headers, body).await.expect_err("refused");
        assert!(matches!(refused, WebhookError::Refused(_)) && refused.to_string().contains(want), "{want}: {refused}");
    }
    let garbage = "{}".to_owned();
    let refused = paying.posts(&signed(BILLING_SECRET, now, &garbage), &garbage).await;
    assert_eq!(refused, Err(WebhookError::Refused(WebhookRefusal::Unintelligible)));
    assert!(paying.world.shop.asked().is_empty(), "nobody was asked");
    assert_eq!(paying.world.database.count("SELECT count(*) FROM billing_events").await, 0);
    assert_eq!(paying.posts(&good, &body).await, Ok(WebhookTaken::Now));
    assert_eq!(paying.tier().await, TierName::Pro);
}
