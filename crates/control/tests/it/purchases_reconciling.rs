//! What no webhook told is found all the same, and how it went is shown.

use keyward_control::Actor;
use keyward_domain::ids::AppId;
use keyward_domain::plans::{EntitlementState, PurchaseSource};
use keyward_domain::view::{ConnectSourceForm, SourceRunView};
use serde_json::json;
use time::Duration;

use crate::purchases::event;
use crate::shop::REVENUE_CAT_KEY;
use crate::world::World;

impl World {
    async fn reconcile(&self) {
        self.control.reconcile_due_sources().await.expect("works");
        self.read_all().await;
    }

    async fn last_run(&self, actor: &Actor, app: AppId) -> SourceRunView {
        self.control.purchases(actor, app).await.expect("works").sources.remove(0).last_run.expect("a run")
    }
}

#[tokio::test]
async fn what_was_bought_before_the_connection_is_found_by_its_first_run() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    world.shop.has_customer("cus_1", None, Some("ann"));
    world.shop.sells("cus_1", "active");
    let app = world.selling_app(&ada).await;
    world.reconcile().await;
    assert_eq!(world.customer(&ada, app, "cus_1").await.sub.as_deref(), Some("ann"));
    let run = world.last_run(&ada, app).await;
    assert_eq!((run.ok, run.note.as_str()), (true, "1 subscriptions compared; 1 customers to be read again"));
}

#[tokio::test]
async fn an_event_that_never_came_is_heard_of_within_ten_minutes() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    world.shop.has_customer("cus_1", None, Some("ann"));
    let app = world.selling_app(&ada).await;
    world.reconcile().await;
    world.shop.sells("cus_1", "active");
    world.shop.tells_event(event("evt_came", "cus_1"));
    world.take(app, &event("evt_came", "cus_1")).await.expect("taken");
    world.read_all().await;
    world.shop.sells("cus_1", "canceled");
    world.shop.tells_event(event("evt_lost", "cus_1"));
    world.reconcile().await;
    assert_eq!(world.customer(&ada, app, "cus_1").await.entitlements[0].state, EntitlementState::Active, "not yet");
    world.wait(Duration::minutes(10));
    world.reconcile().await;
    assert_eq!(world.customer(&ada, app, "cus_1").await.entitlements[0].state, EntitlementState::Over);
    assert_eq!(world.last_run(&ada, app).await.note, "2 events, of which 1 had not come");
}

#[tokio::test]
async fn once_a_day_everything_is_compared_and_only_what_differs_is_read() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    for customer in ["cus_1", "cus_2", "cus_3"] {
        world.shop.has_customer(customer, None, Some(customer));
        world.shop.sells(customer, "past_due");
    }
    world.reconcile().await;
    world.shop.sells("cus_2", "canceled");
    world.wait(Duration::hours(23));
    world.reconcile().await;
    let state = world.customer(&ada, app, "cus_2").await.entitlements[0].state;
    assert!(matches!(state, EntitlementState::PastDue { .. }), "nothing told it yet: {state:?}");
    world.shop.asked();
    world.wait(Duration::hours(1));
    world.reconcile().await;
    assert_eq!(world.customer(&ada, app, "cus_2").await.entitlements[0].state, EntitlementState::Over);
    let read: Vec<String> = world.shop.asked().into_iter().filter(|path| path.contains("/customers/")).collect();
    assert_eq!(read, ["/stripe/v1/customers/cus_2"]);
}

#[tokio::test]
async fn a_run_that_fails_says_so_and_is_tried_again_ever_later() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.shop.refuses("/stripe", 401);
    world.reconcile().await;
    let run = world.last_run(&ada, app).await;
    assert_eq!(
        (run.ok, run.note.as_str()),
        (false, "the key is refused; it may have been revoked, and a new one has to take its place")
    );
    world.shop.asked();
    world.wait(Duration::seconds(29));
    world.reconcile().await;
    assert!(world.shop.asked().is_empty(), "at least half a minute");
    world.shop.refuses_nothing();
    world.wait(Duration::seconds(31));
    world.reconcile().await;
    assert!(world.last_run(&ada, app).await.ok);
}

#[tokio::test]
async fn where_a_seller_has_no_list_its_customers_are_read_again_after_a_day() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.app(&ada).await;
    let form = ConnectSourceForm { live: true, key: REVENUE_CAT_KEY.to_owned(), webhook_secret: String::new() };
    world.control.connect_purchases(&ada, app, PurchaseSource::RevenueCat, form).await.expect("connected");
    let source = keyward_store::purchase_sources::SourceRef {
        account: ada.account_id(),
        app,
        source: PurchaseSource::RevenueCat,
    };
    world.database.store().want_purchasers(&source, &["bob".to_owned()], world.now()).await.expect("works");
    world.reconcile().await;
    assert!(world.customer(&ada, app, "bob").await.entitlements.is_empty());
    world.shop.has_subscriber("bob", json!({"non_subscriptions": {"lifetime": [{"is_sandbox": false}]}}));
    world.wait(Duration::hours(25));
    world.reconcile().await;
    assert_eq!(world.customer(&ada, app, "bob").await.entitlements[0].names, ["lifetime"]);
}
