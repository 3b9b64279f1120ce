//! What a developer, a seller's records or a customer can get wrong: it is said what is wrong, where, and what to do.

use keyward_control::WebhookError;
use keyward_domain::issuer::Subject;
use keyward_domain::plans::{EntitlementState, PurchaseSource};
use keyward_domain::view::{ConnectSourceForm, DecidedBy};
use keyward_payments::WebhookRefusal;
use serde_json::{Value, json};
use time::Duration;

use crate::plans::rule_form;
use crate::purchases::event;
use crate::shop::{REVENUE_CAT_KEY, subscription};
use crate::world::{World, refusal};

#[tokio::test]
async fn what_is_wrong_with_a_key_for_the_app_stores_is_said_and_nothing_is_kept() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    world.shop.refuses("/revenue_cat", 401);
    for (key, want, calls) in [
        ("appl_abcdefghijkl", "meant to be public", 0),
        ("goog_abcdefghijkl", "meant to be public", 0),
        ("rk_test_abcdefghijkl", "it begins with sk_", 0),
        ("sk_live_abcdefghijkl", "this is a key of Stripe; nothing was sent", 0),
        (REVENUE_CAT_KEY, "version 2 of their API; make a secret key for version 1", 1),
    ] {
        let form = ConnectSourceForm { key: key.to_owned(), webhook_secret: String::new(), live: true };
        let connected = world.control.connect_purchases(&ada, app, PurchaseSource::RevenueCat, form).await;
        let (field, reason) = refusal(connected);
        assert!(field == "key" && reason.contains(want), "{key}: {field}: {reason}");
        assert_eq!(world.shop.asked().len(), calls, "{key}");
    }
    assert!(world.control.purchases(&ada, app).await.expect("works").sources.is_empty());
}

fn price(id: &str, product: &str, currency: &str) -> Value {
    json!({"id": id, "active": true, "product": product, "currency": currency, "recurring": {"interval": "month"}})
}

#[tokio::test]
async fn a_rule_for_what_is_not_sold_is_saved_and_its_developer_told_why_nobody_will_fit() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let pro = world.control.create_plan(&ada, app, "Pro").await.expect("made");
    world.shop.has_price(price("price_usd", "prod_pro", "usd"));
    world.shop.has_price(price("price_eur", "prod_pro", "eur"));
    let mut every = price("price_all", "prod_all", "usd");
    every["currency_options"] = json!({"eur": {}, "usd": {}});
    world.shop.has_price(every);
    world.shop.has_price(price("price_all_eur", "prod_all", "eur"));
    let mut once = price("price_once", "prod_pro", "usd");
    once["recurring"] = Value::Null;
    world.shop.has_price(once);
    let mut keyed = price("price_keyed", "prod_keyed", "usd");
    keyed["lookup_key"] = json!("pro.monthly");
    world.shop.has_price(keyed);
    for (name, want) in [
        ("price_gone", Some("no price, product or lookup key price_gone in test mode")),
        ("prod_gone", Some("connection of that mode")),
        ("pro.yearly", Some("nobody fits this rule")),
        ("price_once", Some("paid once")),
        ("price_usd", Some("other prices in EUR: who pays in that")),
        ("price_eur", Some("Name the product prod_pro")),
        ("prod_pro", None),
        ("price_all", None),
        ("pro.monthly", None),
    ] {
        let form = rule_form(pro, name);
        world.control.put_plan_rule(&ada, app, &form, None).await.expect("saved all the same");
        let doubt = world.control.doubt_about_rule(&ada, app, &form).await.expect("works");
        match want {
            None => assert_eq!(doubt, None, "{name}"),
            Some(want) => assert!(doubt.as_ref().is_some_and(|doubt| doubt.contains(want)), "{name}: {doubt:?}"),
        }
    }
    for (status, want) in [(401, "may have been revoked"), (403, "no permission to read Prices"), (503, "be reached")] {
        world.shop.refuses("/stripe", status);
        let doubt = world.control.doubt_about_rule(&ada, app, &rule_form(pro, "price_usd")).await.expect("works");
        assert!(doubt.as_ref().is_some_and(|doubt| doubt.contains(want)), "{status}: {doubt:?}");
        world.shop.refuses_nothing();
    }
    let elsewhere = world.app_named(&ada, "Not selling").await;
    let doubt = world.control.doubt_about_rule(&ada, elsewhere, &rule_form(pro, "price_gone")).await;
    assert_eq!(doubt, Ok(None), "without a connection nobody is asked");
}

#[tokio::test]
async fn a_price_of_several_currencies_counts_whichever_was_paid() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let pro = world.control.create_plan(&ada, app, "Pro").await.expect("made");
    world.control.put_plan_rule(&ada, app, &rule_form(pro, "price_pro"), None).await.expect("saved");
    let issuer = world.control.app(&ada, app).await.expect("works").issuers[0].id;
    for (customer, currency) in [("cus_us", "usd"), ("cus_de", "eur")] {
        world.shop.has_customer(customer, None, Some(customer));
        let mut paid = subscription(customer, "active");
        paid["currency"] = json!(currency);
        paid["items"]["data"][0]["price"]["currency"] = json!("usd");
        world.shop.sets_subscription(customer, paid);
        world.take(app, &event(&format!("evt_{currency}"), customer)).await.expect("taken");
        world.read_all().await;
        let subject = Subject { issuer, sub: customer.to_owned() };
        let view = world.control.plan_of_user(&ada, app, &subject).await.expect("works");
        assert_eq!(view.decision.because, DecidedBy::Rule { number: 1 }, "{currency}");
    }
}

#[tokio::test]
async fn whatever_either_of_two_customers_of_one_user_has_counts() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let pro = world.control.create_plan(&ada, app, "Pro").await.expect("made");
    world.control.put_plan_rule(&ada, app, &rule_form(pro, "price_pro"), None).await.expect("saved");
    let subject =
        Subject { issuer: world.control.app(&ada, app).await.expect("works").issuers[0].id, sub: "ann".to_owned() };
    for (customer, status) in [("cus_old", "canceled"), ("cus_new", "active")] {
        world.shop.has_customer(customer, None, Some("ann"));
        world.shop.sells(customer, status);
        world.take(app, &event(&format!("evt_{customer}"), customer)).await.expect("taken");
    }
    world.read_all().await;
    let view = world.control.plan_of_user(&ada, app, &subject).await.expect("works");
    assert_eq!((view.decision.because, view.purchases.len()), (DecidedBy::Rule { number: 1 }, 2));
    world.shop.sells("cus_new", "canceled");
    world.take(app, &event("evt_end", "cus_new")).await.expect("taken");
    world.read_all().await;
    let view = world.control.plan_of_user(&ada, app, &subject).await.expect("works");
    assert_eq!((view.decision.because, view.purchases.len()), (DecidedBy::Default, 2));
}

#[tokio::test]
async fn a_key_that_is_revoked_later_takes_nothing_from_anybody_and_the_page_says_what_to_do() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.shop.has_customer("cus_1", None, Some("ann"));
    world.shop.sells("cus_1", "active");
    world.take(app, &event("evt_1", "cus_1")).await.expect("taken");
    world.read_all().await;
    for (status, want) in [(401, "a new one has to take its place"), (403, "give it that at the seller")] {
        world.shop.refuses("/stripe", status);
        world.wait(Duration::hours(2));
        world.control.reconcile_due_sources().await.expect("works");
        let run = world.control.purchases(&ada, app).await.expect("works").sources.remove(0).last_run.expect("ran");
        assert!(!run.ok && run.note.contains(want), "{}", run.note);
        world.take(app, &event(&format!("evt_{status}"), "cus_1")).await.expect("webhooks are taken on");
        world.read_all().await;
        let customer = world.customer(&ada, app, "cus_1").await;
        assert_eq!(customer.entitlements[0].state, EntitlementState::Active);
        assert!(customer.last_error.is_some_and(|error| error.contains(want)));
        world.shop.refuses_nothing();
    }
}

#[tokio::test]
async fn the_secret_of_another_endpoint_is_told_of_where_it_was_entered() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let refusal = |sources: Vec<keyward_domain::view::PurchaseSourceView>| sources[0].last_refusal.clone();
    assert_eq!(refusal(world.control.purchases(&ada, app).await.expect("works").sources), None);
    let refused = world.take_signed(app, &event("evt_1", "cus_1"), "whsec_of_another_endpoint").await;
    assert_eq!(refused, Err(WebhookError::Refused(WebhookRefusal::NoMatch)));
    let told = refusal(world.control.purchases(&ada, app).await.expect("works").sources).expect("told");
    assert!(told.at == world.now() && told.reason.contains("copy the secret of the endpoint"), "{}", told.reason);
    world.take(app, &event("evt_1", "cus_1")).await.expect("taken");
    assert_eq!(refusal(world.control.purchases(&ada, app).await.expect("works").sources), None);
}
