//! Stripe, as it answers in any version of its API.

use keyward_domain::plans::{EntitlementState, LinkKind};
use keyward_payments::{Access, KeyRefusal, Mode, ReadError, Reading};
use serde_json::{Value, json};
use time::macros::datetime;
use url::Url;

use crate::stand_in::{STRIPE_KEY, StandIn, access, sellers_at};

const LISTS: [&str; 7] =
    ["customers", "subscriptions", "checkout/sessions", "invoices", "prices", "products", "events"];

fn test_access() -> Access {
    access(STRIPE_KEY, Mode::Test)
}

pub fn list(data: &Value) -> Value {
    json!({"object": "list", "has_more": false, "data": data})
}

fn error(message: &str) -> Value {
    json!({"error": {"type": "invalid_request_error", "message": message}})
}

fn subscription(id: &str, status: &str, metadata: &Value) -> Value {
    json!({"id": id, "customer": "cus_1", "status": status, "metadata": metadata, "created": 1_772_323_200,
        "current_period_start": 1_772_323_200, "current_period_end": 1_775_001_600,
        "items": list(&json!([{"price": {"id": "price_pro", "product": "prod_pro"}}]))})
}

async fn everything_may_be_read() -> StandIn {
    let stand_in = StandIn::start().await;
    for path in LISTS {
        stand_in.answers(&format!("/v1/{path}"), 200, list(&json!([])));
    }
    stand_in
}

#[tokio::test]
async fn a_check_names_every_permission_that_is_missing() {
    let stand_in = everything_may_be_read().await;
    assert_eq!(stand_in.stripe().check(&test_access()).await, Ok(()));
    assert!(stand_in.asked().iter().all(|(_, key)| key == &format!("Bearer {STRIPE_KEY}")));
    stand_in.answers("/v1/customers", 403, error("more permissions"));
    stand_in.answers("/v1/events", 403, error("more permissions"));
    let refused = stand_in.stripe().check(&test_access()).await;
    assert_eq!(refused, Err(KeyRefusal::MayNotRead(vec!["Customers", "Events"])));
}

#[tokio::test]
async fn a_check_tells_a_refused_key_from_a_seller_that_is_away() {
    let stand_in = everything_may_be_read().await;
    stand_in.answers("/v1/prices", 401, error("Invalid API Key provided: rk_test_****abcd"));
    assert_eq!(stand_in.stripe().check(&test_access()).await, Err(KeyRefusal::Refused));
    stand_in.answers("/v1/prices", 200, json!("no list, but JSON"));
    assert_eq!(stand_in.stripe().check(&test_access()).await, Ok(()), "it may be read, whatever it is");
    for nobody in ["http://127.0.0.1:1", "https://127.0.0.1:1"] {
        let sellers = sellers_at(&Url::parse(nobody).expect("a URL"));
        let stripe = sellers.of(keyward_domain::plans::PurchaseSource::Stripe);
        assert_eq!(stripe.read(&test_access(), "cus_1").await, Err(ReadError::Unreachable), "{nobody}");
    }
}

#[tokio::test]
async fn reads_what_a_customer_has_and_whom_the_records_name() {
    let stand_in = StandIn::start().await;
    stand_in
        .answers("/v1/customers/cus_1", 200, json!({"id": "cus_1", "email": " Ann@Example.com ", "metadata": {}}))
        .answers("/v1/subscriptions", 200, list(&json!([subscription("sub_1", "trialing", &json!({}))])))
        .answers(
            "/v1/checkout/sessions",
            200,
            list(&json!([
                {"client_reference_id": "left", "status": "expired"},
                {"client_reference_id": null, "status": "complete"},
                {"client_reference_id": "ann", "status": "complete"},
            ])),
        );
    let read = stand_in.stripe().read(&test_access(), "cus_1").await.expect("read");
    assert_eq!(read.email.as_deref(), Some("ann@example.com"));
    assert_eq!(read.named, Some(("ann".to_owned(), LinkKind::Reference)));
    assert_eq!(read.entitlements[0].state, EntitlementState::Trial);
    assert_eq!(read.entitlements[0].paid_until, Some(datetime!(2026-04-01 0:00 UTC)));
}

#[tokio::test]
async fn metadata_goes_before_checkout_the_customer_s_before_the_subscription_s() {
    let stand_in = StandIn::start().await;
    let subscriptions = json!([
        subscription("sub_3", "canceled", &json!({"keyward_user": "of the canceled one"})),
        subscription("sub_2", "active", &json!({"keyward_user": "of the subscription"})),
    ]);
    stand_in.answers("/v1/subscriptions", 200, list(&subscriptions));
    for (metadata, want) in
        [(json!({"keyward_user": "of the customer"}), "of the customer"), (json!(null), "of the subscription")]
    {
        stand_in.answers("/v1/customers/cus_1", 200, json!({"id": "cus_1", "metadata": metadata}));
        let read = stand_in.stripe().read(&test_access(), "cus_1").await.expect("read");
        assert_eq!(read.named, Some((want.to_owned(), LinkKind::Metadata)));
    }
    assert!(!stand_in.asked().iter().any(|(path, _)| path.contains("checkout")), "nobody needs to be looked for");
}

#[tokio::test]
async fn grace_begins_with_the_first_invoice_that_was_not_paid() {
    let stand_in = StandIn::start().await;
    stand_in
        .answers("/v1/customers/cus_1", 200, json!({"id": "cus_1", "metadata": {"keyward_user": "ann"}}))
        .answers("/v1/subscriptions", 200, list(&json!([subscription("sub_1", "past_due", &json!({}))])))
        .answers("/v1/invoices", 200, list(&json!([{"created": 1_775_001_600}, {"created": 1_769_904_000}])));
    let read = stand_in.stripe().read(&test_access(), "cus_1").await.expect("read");
    let since = datetime!(2026-02-01 0:00 UTC);
    assert_eq!(read.entitlements[0].state, EntitlementState::PastDue { since });
    assert!(stand_in.asked().iter().any(|(path, _)| path.contains("subscription=sub_1&status=open")));
}

#[tokio::test]
async fn whoever_is_unknown_or_deleted_has_nothing() {
    let stand_in = StandIn::start().await;
    stand_in.answers("/v1/customers/cus_gone", 200, json!({"id": "cus_gone", "deleted": true}));
    for customer in ["cus_gone", "cus_unknown", "../../v1/events"] {
        assert_eq!(stand_in.stripe().read(&test_access(), customer).await, Ok(Reading::default()), "{customer}");
    }
    assert_eq!(stand_in.asked().len(), 2, "what is no id is not asked for");
}

#[tokio::test]
async fn a_reading_that_fails_says_why_in_our_words() {
    let stand_in = StandIn::start().await;
    for (status, body, want) in [
        (401, error("Invalid API Key"), ReadError::Refused),
        (403, error("permissions"), ReadError::MayNotRead("Customers")),
        (429, error("slow down"), ReadError::Limited { wait: None }),
        (500, error("oops"), ReadError::Unreachable),
        (400, error("what?"), ReadError::Status(400)),
        (200, json!([1]), ReadError::Unintelligible),
    ] {
        stand_in.answers("/v1/customers/cus_1", status, body);
        assert_eq!(stand_in.stripe().read(&test_access(), "cus_1").await, Err(want), "{status}");
    }
}

#[tokio::test]
async fn lists_events_and_everything_bought_page_by_page() {
    let stand_in = StandIn::start().await;
    let event =
        json!({"id": "evt_1", "type": "invoice.paid", "livemode": false, "data": {"object": {"customer": "cus_1"}}});
    let more = |data: Value| json!({"has_more": true, "data": data});
    stand_in.answers("/v1/events", 200, more(json!([event])));
    stand_in.answers("/v1/subscriptions", 200, more(json!([subscription("sub_1", "active", &json!({}))])));
    let since = datetime!(2026-03-01 0:00 UTC);
    let events = stand_in.stripe().events(&test_access(), since, Some("evt_0")).await.expect("read");
    assert_eq!((events.items[0].customers[0].as_str(), events.next.as_deref()), ("cus_1", Some("evt_1")));
    let bought = stand_in.stripe().everything(&test_access(), None).await.expect("read").expect("has a list");
    assert_eq!((bought.items[0].customer.as_str(), bought.next.as_deref()), ("cus_1", Some("sub_1")));
    let (asked, _) = &stand_in.asked()[0];
    assert!(asked.contains("created%5Bgte%5D=1772323200") && asked.contains("starting_after=evt_0"), "{asked}");
}

#[tokio::test]
async fn offers_each_product_once_and_its_prices() {
    let stand_in = StandIn::start().await;
    let price = |id: &str, interval: &str| {
        json!({"id": id, "currency": "eur", "unit_amount": 900, "recurring": {"interval": interval},
            "product": {"id": "prod_pro", "name": "Pro"}})
    };
    stand_in.answers("/v1/prices", 200, list(&json!([price("price_m", "month"), price("price_y", "year")])));
    let offers = stand_in.stripe().offers(&test_access()).await.expect("read");
    let names: Vec<&str> = offers.iter().map(|offer| offer.name.as_str()).collect();
    assert_eq!(names, ["prod_pro", "price_m", "price_y"]);
    assert_eq!(offers[1].title, "Pro, 900 EUR (smallest unit) a month");
}
