//! Who a customer is: found by the seller's records, put right by hand; and what is known while a seller is away.

use keyward_domain::ids::AppId;
use keyward_domain::issuer::Subject;
use keyward_domain::plans::{EntitlementState, LinkKind};
use keyward_domain::view::IssuerForm;
use time::Duration;

use crate::purchases::event;
use crate::world::World;

impl World {
    /// A customer with a subscription, whom Stripe's records name so.
    async fn bought(&self, app: AppId, customer: &str, user: Option<&str>) {
        self.shop.has_customer(customer, Some("Ann@Example.com"), user);
        self.shop.sells(customer, "active");
        self.take(app, &event(&format!("evt_{customer}"), customer)).await.expect("taken");
        self.read_all().await;
    }
}

#[tokio::test]
async fn a_customer_is_the_user_whom_checkout_named() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.shop.checked_out("cus_1", "ann");
    world.bought(app, "cus_1", None).await;
    let customer = world.customer(&ada, app, "cus_1").await;
    assert_eq!((customer.sub.as_deref(), customer.linked_by), (Some("ann"), Some(LinkKind::Reference)));
    assert_eq!(customer.email.as_deref(), Some("ann@example.com"));
}

#[tokio::test]
async fn of_several_identity_providers_the_one_that_knows_the_user_is_meant() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let first = world.control.app(&ada, app).await.expect("works").issuers[0].id;
    let form = IssuerForm::SupabaseSecret { project: "abcdefghijklmnopqrst".to_owned(), secret: "s".repeat(40) };
    let second = world.control.add_issuer(&ada, app, form).await.expect("linked").id;
    let called = |issuer, sub: &str| {
        format!(
            "INSERT INTO app_users (id, account_id, app_id, issuer_id, sub, first_seen_at, last_seen_at)
             SELECT gen_random_uuid(), account_id, app_id, id, '{sub}', now(), now() FROM issuers WHERE id = '{issuer}'"
        )
    };
    for (issuer, sub) in [(second, "ann"), (first, "both"), (second, "both")] {
        world.database.execute(&called(issuer, sub)).await;
    }
    for (customer, named) in
        [("cus_1", "ann"), ("cus_2", "both"), ("cus_3", "nobody"), ("cus_4", &format!("{first}/nobody"))]
    {
        world.bought(app, customer, Some(named)).await;
    }
    assert_eq!(world.customer(&ada, app, "cus_1").await.issuer, Some(second));
    assert_eq!(world.customer(&ada, app, "cus_4").await.issuer, Some(first));
    for (customer, why) in [("cus_2", "several identity providers know"), ("cus_3", "nobody of this id has called")] {
        let unlinked = world.customer(&ada, app, customer).await;
        let error = unlinked.last_error.unwrap_or_default();
        assert!(unlinked.sub.is_none() && error.contains(why), "{customer}: {error}");
    }
    // Once the user has called, the reconciler finds out.
    world.database.execute(&called(first, "nobody")).await;
    world.wait(Duration::minutes(11));
    world.control.reconcile_due_sources().await.expect("works");
    world.read_all().await;
    assert_eq!(world.customer(&ada, app, "cus_3").await.issuer, Some(first));
}

#[tokio::test]
async fn customers_of_nobody_are_shown_first_and_a_link_by_hand_stays() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let issuer = world.control.app(&ada, app).await.expect("works").issuers[0].id;
    world.bought(app, "cus_1", None).await;
    world.bought(app, "cus_2", Some("ann")).await;
    let all = world.control.purchasers(&ada, app, "").await.expect("works").purchasers;
    let ids: Vec<&str> = all.iter().map(|customer| customer.customer_id.as_str()).collect();
    assert_eq!(ids, ["cus_1", "cus_2"]);
    let bob = Subject { issuer, sub: "bob".to_owned() };
    for customer in &all {
        world.control.link_purchaser(&ada, customer.id, &bob).await.expect("linked");
    }
    world.read_all().await;
    for customer in ["cus_1", "cus_2"] {
        let linked = world.customer(&ada, app, customer).await;
        assert_eq!((linked.sub.as_deref(), linked.linked_by), (Some("bob"), Some(LinkKind::ByHand)), "{customer}");
    }
    let of_bob = world.database.store().purchasers_of(ada.account_id(), app, &bob).await.expect("works");
    assert_eq!(of_bob.len(), 2, "two customers are one user");
    world.control.unlink_purchaser(&ada, all[1].id).await.expect("unlinked");
    world.read_all().await;
    assert_eq!(world.customer(&ada, app, "cus_2").await.sub.as_deref(), Some("ann"));
}

#[tokio::test]
async fn while_stripe_is_away_the_last_that_is_known_stays_and_heals_when_it_is_back() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.bought(app, "cus_1", Some("ann")).await;
    world.shop.refuses("/stripe", 503);
    world.shop.sells("cus_1", "canceled");
    world.take(app, &event("evt_2", "cus_1")).await.expect("taken");
    for _ in 0..5 {
        world.read_all().await;
        world.wait(Duration::minutes(1));
    }
    let held = world.customer(&ada, app, "cus_1").await;
    assert_eq!((held.sub.as_deref(), held.entitlements[0].state), (Some("ann"), EntitlementState::Active));
    assert_eq!(held.last_error.as_deref(), Some("the seller can't be reached"));
    world.shop.refuses_nothing();
    world.wait(Duration::minutes(15));
    world.read_all().await;
    let healed = world.customer(&ada, app, "cus_1").await;
    assert_eq!((healed.entitlements[0].state, healed.last_error), (EntitlementState::Over, None));
}

#[tokio::test]
async fn a_seller_that_asks_us_to_wait_is_asked_for_nobody_meanwhile() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.shop.refuses("/stripe", 429);
    for number in 0..20 {
        let customer = format!("cus_{number}");
        world.take(app, &event(&format!("evt_{number}"), &customer)).await.expect("taken");
    }
    world.shop.asked();
    world.read_all().await;
    let asked = world.shop.asked().len();
    assert!((1..=4).contains(&asked), "{asked} calls: those that were under way");
}
