//! Webhooks come in any order, twice, all at once, and while readings are under way: the state is the seller's, in the end.

use std::sync::Arc;

use keyward_domain::plans::{Entitlement, EntitlementState};
use tokio::task::JoinSet;

use crate::lives::{ENDED, at_stage, orders};
use crate::purchases::{STRIPE, connect_form, event};
use crate::world::World;

/// Each order for a customer of its own. An event is sent when it has happened: by then the subscription is at least there.
/// Every other one comes twice, and after every other one customers are read.
#[tokio::test]
async fn every_order_of_a_subscription_s_events_ends_in_the_same_state() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let orders = orders();
    for (number, order) in orders.iter().enumerate() {
        let customer = format!("cus_{number}");
        world.shop.has_customer(&customer, None, Some(&format!("user-{number}")));
        let mut stage = 0;
        for (place, at) in order.iter().enumerate() {
            stage = stage.max(*at);
            world.shop.sets_subscription(&customer, at_stage(&customer, &ENDED, stage));
            for _ in 0..=(place + number) % 2 {
                world.take(app, &event(&format!("evt_{number}_{at}"), &customer)).await.expect("taken");
            }
            if (place + number / 2) % 2 == 0 {
                world.read_all().await;
            }
        }
    }
    world.read_all().await;
    for (number, order) in orders.iter().enumerate() {
        let customer = world.customer(&ada, app, &format!("cus_{number}")).await;
        let [Entitlement { state, names, .. }] = customer.entitlements.as_slice() else { panic!("one subscription") };
        assert_eq!((*state, names[2].as_str()), (EntitlementState::Over, "stage_4"), "{order:?}");
        assert_eq!(customer.sub, Some(format!("user-{number}")));
    }
}

/// A reading that began before another and ends after it has nothing to say any more.
#[tokio::test]
async fn a_reading_that_was_overtaken_is_thrown_away() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.shop.has_customer("cus_1", None, Some("ann"));
    world.shop.sells("cus_1", "active");
    world.take(app, &event("evt_1", "cus_1")).await.expect("taken");
    let (store, now) = (world.database.store(), world.now());
    let slow = store.take_due_purchaser(now, now + time::Duration::minutes(1)).await.expect("works").expect("due");
    world.shop.sells("cus_1", "canceled");
    world.take(app, &event("evt_2", "cus_1")).await.expect("taken");
    world.read_all().await;
    let stale = keyward_store::purchasers::PurchaserReading {
        email: None,
        named: None,
        entitlements: Vec::new(),
        unlinked_because: None,
    };
    assert!(!store.write_purchaser(&slow, &stale, None, now).await.expect("works"));
    store.purchaser_not_read(&slow, "too late", now).await.expect("works");
    let customer = world.customer(&ada, app, "cus_1").await;
    assert_eq!((customer.entitlements[0].state, customer.last_error), (EntitlementState::Over, None));
}

/// 1,000 events of 100 customers, sixteen at a time, each once more, while customers are being read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_a_thousand_events_leaves_everybody_as_the_seller_has_them() {
    let world = Arc::new(World::development().await);
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    world.control.connect_purchases(&ada, app, STRIPE, connect_form()).await.expect("connected");
    for number in 0..100 {
        world.shop.has_customer(&format!("cus_{number}"), None, None);
        world.shop.sells(&format!("cus_{number}"), "trialing");
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let (reader, told) = (world.control.clone(), stop.clone());
    let reading = tokio::spawn(async move { reader.keep_purchases_read(told).await });
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let world = Arc::clone(&world);
        senders.spawn(async move {
            for number in (0..1_000).filter(|number| number % 16 == sender) {
                let customer = format!("cus_{}", number % 100);
                if number >= 900 {
                    world.shop.sells(&customer, "active");
                }
                for _ in 0..2 {
                    world.take(app, &event(&format!("evt_{number}"), &customer)).await.expect("taken");
                }
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.expect("sent");
    }
    stop.cancel();
    tokio::time::timeout(std::time::Duration::from_secs(30), reading).await.expect("stops").expect("ends well");
    world.read_all().await;
    let active = "SELECT count(*) FROM purchasers WHERE entitlements @> '[{\"state\": {\"kind\": \"active\"}}]' AND wanted <= read";
    assert_eq!(world.database.count(active).await, 100);
    assert_eq!(world.database.count("SELECT count(*) FROM purchase_events").await, 1_000);
}
