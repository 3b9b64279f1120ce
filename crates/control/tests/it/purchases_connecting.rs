//! Connecting a seller: what is wrong with a key is said, and nothing is kept of it.

use keyward_control::ControlError;
use keyward_domain::plans::PurchaseSource;
use keyward_domain::view::{ConnectSourceForm, SourceKeyForm};

use crate::purchases::{STRIPE, connect_form, event};
use crate::shop::STRIPE_KEY;
use crate::world::{World, refusal};

fn with_key(key: &str) -> ConnectSourceForm {
    ConnectSourceForm { key: key.to_owned(), ..connect_form() }
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_said_and_nothing_is_kept() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    world.shop.refuses("/stripe/v1/customers", 403);
    world.shop.refuses("/stripe/v1/checkout", 403);
    for (key, want) in [
        ("hello", "it begins with rk_ or sk_"),
        ("whsec_51Habcdefgh", "it goes into the field of the secret"),
        ("pk_test_51Habcdefgh", "meant to be public"),
        ("rk_live_51Habcdefgh", "this is a live mode key, but test mode is connected"),
        (STRIPE_KEY, "Customers, Checkout Sessions"),
    ] {
        let (field, reason) = refusal(world.control.connect_purchases(&ada, app, STRIPE, with_key(key)).await);
        assert!(field == "key" && reason.contains(want), "{field}: {reason}");
    }
    world.shop.refuses_nothing();
    for (status, want) in [(401, "it was revoked, or is not whole; make a new one"), (503, "can't be reached now")] {
        world.shop.refuses("/stripe", status);
        let (_, reason) = refusal(world.control.connect_purchases(&ada, app, STRIPE, connect_form()).await);
        assert!(reason.contains(want), "{reason}");
        world.shop.refuses_nothing();
    }
    let bad_secret = ConnectSourceForm { webhook_secret: "sk_test_no_secret_at_all".to_owned(), ..connect_form() };
    let (field, reason) = refusal(world.control.connect_purchases(&ada, app, STRIPE, bad_secret).await);
    assert!(field == "webhook_secret" && reason.contains("whsec_"), "{field}: {reason}");
    assert!(world.control.purchases(&ada, app).await.expect("works").sources.is_empty());
}

#[tokio::test]
async fn a_connection_shows_its_state_and_no_secret() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let view = world.control.purchases(&ada, app).await.expect("works");
    let source = &view.sources[0];
    assert_eq!((source.source, source.live, source.key_hint.to_string().as_str()), (STRIPE, false, "…abcd"));
    assert_eq!(view.webhook_urls[0], (STRIPE, format!("https://dashboard.example.com/webhooks/stripe/{app}")));
    let shown = serde_json::to_string(&view).expect("JSON") + &format!("{:?}", connect_form());
    let kept = "SELECT (SELECT string_agg(t::text, '') FROM purchase_sources t) || (SELECT string_agg(t::text, '') FROM webhook_secrets t)";
    let kept = world.database.text(kept).await;
    for hidden in ["canary4711", &hex::encode("canary4711")] {
        assert!(!shown.contains(hidden) && !kept.contains(hidden));
    }
    let again = world.control.connect_purchases(&ada, app, STRIPE, connect_form()).await;
    assert_eq!(again, Err(ControlError::Conflict { reason: "this seller is connected already".to_owned() }));
}

#[tokio::test]
async fn a_new_key_is_of_the_same_mode_and_everybody_is_read_again_with_it() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.shop.has_customer("cus_1", None, Some("ann"));
    world.shop.sells("cus_1", "active");
    world.take(app, &event("evt_1", "cus_1")).await.expect("taken");
    world.read_all().await;
    world.shop.sells("cus_1", "canceled");
    let key = |key: &str| SourceKeyForm { key: key.to_owned() };
    let live = world.control.replace_purchases_key(&ada, app, STRIPE, key("rk_live_51Habcdefgh")).await;
    assert!(refusal(live).1.contains("test mode is connected"));
    world.control.replace_purchases_key(&ada, app, STRIPE, key("rk_test_51Habcd9999")).await.expect("replaced");
    world.read_all().await;
    let customer = world.customer(&ada, app, "cus_1").await;
    assert_eq!(customer.entitlements[0].state, keyward_domain::plans::EntitlementState::Over);
    let source = world.control.purchases(&ada, app).await.expect("works").sources.remove(0);
    assert_eq!(source.key_hint.to_string(), "…9999");
}

#[tokio::test]
async fn a_seller_that_is_disconnected_leaves_nothing() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.take(app, &event("evt_1", "cus_1")).await.expect("taken");
    world.control.disconnect_purchases(&ada, app, STRIPE).await.expect("disconnected");
    assert!(world.take(app, &event("evt_2", "cus_1")).await.is_err());
    for table in ["purchase_sources", "webhook_secrets", "purchase_events", "purchasers"] {
        assert_eq!(world.database.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    let gone = world.control.disconnect_purchases(&ada, app, PurchaseSource::RevenueCat).await;
    assert_eq!(gone, Err(ControlError::NotFound));
}
