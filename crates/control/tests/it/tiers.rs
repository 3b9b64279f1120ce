//! What developers pay us for: the tier follows Stripe, and an account is warned, served on, stopped and let go again.

use http::HeaderMap;
use keyward_control::{ControlError, WebhookError, WebhookTaken};
use keyward_domain::log_days::LogDays;
use keyward_domain::tiers::{GRACE, Standing, TierName};
use keyward_domain::view::SubscriptionState;
use keyward_payments::{Webhook, WebhookRefusal};
use serde_json::json;
use time::Duration;

use crate::paying::Paying;
use crate::world::World;

#[tokio::test]
async fn without_stripe_there_is_nothing_to_pay_and_everything_is_on() {
    let world = World::development().await;
    let actor = world.actor("ada@example.com").await;
    assert_eq!(world.control.billing(&actor).await.expect("asked"), None);
    assert!(matches!(world.control.start_checkout(&actor, TierName::Pro).await, Err(ControlError::NotFound)));
    for number in 0..3 {
        world.control.create_app(&actor, &format!("App {number}")).await.expect("as many as any");
    }
    let (headers, body) = (HeaderMap::new(), b"{}");
    let refused = world.control.take_billing_webhook(Webhook { headers: &headers, body }).await;
    assert_eq!(refused, Err(WebhookError::NotConnected));
}

#[tokio::test]
async fn checkout_is_for_a_price_of_ours_and_names_the_account() {
    let paying = Paying::start().await;
    let page = paying.control.start_checkout(&paying.actor, TierName::Pro).await.expect("a page");
    assert_eq!(page.as_str(), "https://checkout.stripe.com/c/pay/cs_1");
    let forms = paying.world.shop.forms();
    let (account, [customer, checkout]) = (paying.actor.account_id().to_string(), &forms[..]) else {
        panic!("{forms:?}")
    };
    assert_eq!((customer.1["email"].as_str(), &customer.1["metadata[keyward_account]"]), ("ada@example.com", &account));
    for (field, value) in [
        ("mode", "subscription"),
        ("customer", "cus_own"),
        ("client_reference_id", &account),
        ("line_items[0][price]", "price_pro"),
        ("subscription_data[trial_period_days]", "14"),
        ("success_url", "https://dashboard.example.com/account/billing?paid=1"),
    ] {
        assert_eq!(checkout.1[field], value, "{field}");
    }
    paying.control.start_checkout(&paying.actor, TierName::Scale).await.expect("a page");
    let again = paying.world.shop.forms();
    assert_eq!(again.len(), 1, "the customer is there");
    assert_eq!(again[0].1["subscription_data[trial_period_days]"], "14", "who left the page without paying keeps it");
    paying.world.shop.has_customer("cus_own", None, None);
    paying.world.shop.sells("cus_own", "canceled");
    paying.control.start_checkout(&paying.actor, TierName::Pro).await.expect("a page");
    assert!(!paying.world.shop.forms()[0].1.contains_key("subscription_data[trial_period_days]"), "it is had once");
    paying.world.shop.sells("cus_own", "active");
    let portal = paying.control.start_checkout(&paying.actor, TierName::Pro).await.expect("a page");
    assert_eq!(portal.host_str(), Some("billing.stripe.com"), "nobody pays twice while an event is on its way");
    let free = paying.control.start_checkout(&paying.actor, TierName::Free).await;
    assert!(matches!(free, Err(ControlError::Invalid { field: "tier", .. })));
}

#[tokio::test]
async fn the_tier_follows_what_stripe_has_whatever_the_order_of_its_events() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    assert_eq!(paying.tier().await, TierName::Free);
    paying.world.shop.sells("cus_own", "trialing");
    assert_eq!(paying.event("evt_1").await, Ok(WebhookTaken::Now));
    assert_eq!(paying.tier().await, TierName::Pro);
    let view = paying.control.billing(&paying.actor).await.expect("there").expect("money is taken");
    assert_eq!(view.subscription.map(|paid| paid.state), Some(SubscriptionState::Trial));
    assert_eq!(paying.event("evt_1").await, Ok(WebhookTaken::Before), "the same event changes nothing");
    paying.world.shop.sells("cus_own", "past_due");
    paying.event("evt_3").await.expect("taken");
    assert_eq!(paying.tier().await, TierName::Pro, "a payment that failed changes nothing at first");
    let portal = paying.control.start_checkout(&paying.actor, TierName::Scale).await.expect("a page");
    assert_eq!(portal.host_str(), Some("billing.stripe.com"), "whoever pays changes it in the portal");
    paying.world.shop.sells("cus_own", "canceled");
    paying.event("evt_2").await.expect("taken");
    assert_eq!(paying.tier().await, TierName::Free);
}

#[tokio::test]
async fn a_webhook_of_somebody_else_is_refused_and_nothing_is_kept() {
    let paying = Paying::start().await;
    let event = json!({"id": "evt_1", "type": "invoice.paid", "livemode": false, "data": {"object": {}}});
    let refused = paying.sends(&event, "whsec_other_0123456789").await;
    assert_eq!(refused, Err(WebhookError::Refused(WebhookRefusal::NoMatch)));
    assert_eq!(paying.world.database.count("SELECT count(*) FROM billing_events").await, 0);
}

#[tokio::test]
async fn while_stripe_is_away_an_event_is_not_taken_and_comes_again() {
    let paying = Paying::start().await;
    paying.checks_out().await;
    paying.world.shop.sells("cus_own", "active");
    paying.world.shop.refuses("/stripe", 500);
    assert_eq!(paying.event("evt_1").await, Err(WebhookError::Unavailable));
    paying.world.shop.refuses_nothing();
    assert_eq!(paying.event("evt_1").await, Ok(WebhookTaken::Now));
    assert_eq!(paying.tier().await, TierName::Pro);
}

#[tokio::test]
async fn an_account_is_warned_served_on_stopped_and_let_go_with_a_larger_tier_or_the_next_month() {
    let paying = Paying::start().await;
    let most = TierName::Free.tier().requests_per_month;
    assert_eq!(paying.standing().await, Standing::Within);
    paying.uses(most * 8 / 10).await;
    assert_eq!(paying.standing().await, Standing::Near);
    paying.uses(most).await;
    let stops_at = paying.world.now() + GRACE;
    assert_eq!(paying.standing().await, Standing::Over { stops_at });
    paying.world.wait(GRACE - Duration::seconds(1));
    assert_eq!(paying.standing().await, Standing::Over { stops_at });
    assert!(!paying.is_stopped().await);
    paying.world.wait(Duration::seconds(1));
    assert_eq!(paying.standing().await, Standing::Stopped);
    assert!(paying.is_stopped().await, "the edge reads this");

    let store = paying.world.database.store();
    store.set_tier(paying.actor.account_id(), TierName::Pro).await.expect("set");
    assert_eq!(paying.standing().await, Standing::Within);
    assert!(!paying.is_stopped().await);
    store.set_tier(paying.actor.account_id(), TierName::Free).await.expect("set");
    paying.uses(most * 2).await;
    assert_eq!(paying.standing().await, Standing::Stopped, "at twice the requests there is no grace");
    paying.world.wait(Duration::days(31));
    assert_eq!(paying.standing().await, Standing::Within);
    assert!(!paying.is_stopped().await);
}

#[tokio::test]
async fn a_tier_has_room_for_so_many_apps_and_days() {
    let paying = Paying::start().await;
    let free = TierName::Free.tier();
    let mut app = None;
    for number in 0..free.apps {
        app = Some(paying.control.create_app(&paying.actor, &format!("App {number}")).await.expect("room"));
    }
    let Err(ControlError::Conflict { reason }) = paying.control.create_app(&paying.actor, "One more").await else {
        panic!("refused")
    };
    assert!(reason.contains("room for 2 apps"), "{reason}");
    let (app, most) = (app.expect("one"), free.log_days);
    paying.control.set_usage_retention(&paying.actor, app, &most.to_string()).await.expect("kept");
    let longer = paying.control.set_usage_retention(&paying.actor, app, &(most + 1).to_string()).await;
    assert!(matches!(longer, Err(ControlError::Invalid { field: "days", .. })));
}

#[tokio::test]
async fn logs_of_a_larger_tier_stay_for_seven_days_after_it_ended() {
    let paying = Paying::start().await;
    let (store, now) = (paying.world.database.store(), paying.world.now());
    store.begin_billing(now - Duration::days(60)).await.expect("begun");
    paying.checks_out().await;
    paying.world.shop.sells("cus_own", "active");
    paying.event("evt_1").await.expect("taken");
    let app = paying.control.create_app(&paying.actor, "App").await.expect("made");
    paying.control.set_usage_retention(&paying.actor, app, "90").await.expect("Pro keeps 90");
    let proxy = paying.world.openai_proxy(&paying.actor, app).await;
    let event = format!(
        "INSERT INTO usage_events (id, account_id, app_id, proxy_id, occurred_at, method, status, outcome, request_bytes, response_bytes, duration_ms)
         VALUES (gen_random_uuid(), '{}', '{app}', '{proxy}', '{}', 'GET', 200, 'completed', 1, 1, 1)",
        paying.actor.account_id(),
        now - Duration::days(50)
    );
    paying.world.database.execute(&event).await;
    let kept = async || {
        paying.control.sweep().await.expect("swept");
        paying.world.database.count("SELECT count(*) FROM usage_events").await
    };
    let said = async || paying.control.app(&paying.actor, app).await.expect("there").log_days.expect("tiers hold");
    assert_eq!((kept().await, said().await), (1, LogDays { days: 90, from: None }));

    paying.world.shop.sells("cus_own", "canceled");
    paying.event("evt_2").await.expect("taken");
    let cut_at = now + Duration::days(7);
    assert_eq!((kept().await, said().await), (1, LogDays { days: 30, from: Some(cut_at) }));
    let billing = paying.control.billing(&paying.actor).await.expect("there").expect("money is taken");
    assert_eq!((billing.tier.name, billing.log_days_from), (TierName::Free, Some(cut_at)));
    paying.world.wait(Duration::days(3));
    paying.event("evt_3").await.expect("taken");
    assert_eq!(said().await.from, Some(cut_at), "heard of again, it does not begin anew");
    paying.world.wait(Duration::days(4) - Duration::SECOND);
    assert_eq!(kept().await, 1);

    paying.world.shop.sells("cus_own", "active");
    paying.event("evt_4").await.expect("taken");
    paying.world.wait(Duration::days(1));
    assert_eq!((kept().await, said().await), (1, LogDays { days: 90, from: None }), "paid in time, nothing was lost");
    paying.world.shop.sells("cus_own", "canceled");
    paying.event("evt_5").await.expect("taken");
    paying.world.wait(Duration::days(7));
    assert_eq!((kept().await, said().await), (0, LogDays { days: 30, from: None }));
}
