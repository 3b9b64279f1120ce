//! Where sellers send their webhooks: outside of sessions and of the check for our own pages, and within limits of their own.

use axum::body::Body;
use axum::extract::Request;
use hmac::{Hmac, Mac};
use http::{HeaderValue, StatusCode};
use keyward_domain::ids::AppId;
use keyward_domain::plans::PurchaseSource;
use keyward_store::purchase_sources::{SealedSourceKey, SealedWebhookSecret, SourceRef};
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

use crate::harness::{Answer, House};

pub const SECRET: &str = "whsec_of_this_endpoint";

/// Connected as the dashboard does, but for the live call.
pub async fn selling_app(house: &House) -> AppId {
    drop(house.member("ada@example.com").await);
    let actor = house.actor("ada@example.com").await;
    let app = house.control.create_app(&actor, "Shop").await.expect("an app");
    let source = SourceRef { account: actor.account_id(), app, source: PurchaseSource::Stripe };
    let key = house.data_key(source.account).await;
    let sealed_key = key.seal_source_key(&source, "rk_test_51Habcdefgh").expect("sealed");
    let secret = key.seal_webhook_secret(&source, SECRET).expect("sealed");
    let sealed_key = SealedSourceKey { sealed: sealed_key, hint: "efgh".to_owned(), live: false };
    let secret = SealedWebhookSecret { id: Uuid::now_v7(), sealed: secret, hint: "oint".to_owned() };
    house.store().connect_source(&source, &sealed_key, Some(&secret), house.now()).await.expect("connected");
    app
}

fn signature(house: &House, body: &str) -> HeaderValue {
    signature_at(house.now().unix_timestamp(), body)
}

pub fn signature_at(at: i64, body: &str) -> HeaderValue {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    let signature = hex::encode(mac.chain_update(format!("{at}.{body}")).finalize().into_bytes());
    format!("t={at},v1={signature}").parse().expect("a header")
}

async fn post(house: &House, path: &str, body: String, signature: HeaderValue) -> Answer {
    let request = Request::post(path).header("stripe-signature", signature).body(Body::from(body)).expect("a request");
    house.stranger_in_production().send(request).await
}

fn event(id: &str, padding: usize) -> String {
    json!({"id": id, "type": "invoice.paid", "livemode": false, "padding": "x".repeat(padding),
        "data": {"object": {"customer": "cus_1"}}})
    .to_string()
}

#[tokio::test]
async fn a_signed_event_is_taken_from_anywhere_and_no_cookie_is_set() {
    let house = House::open().await;
    let path = format!("/webhooks/stripe/{}", selling_app(&house).await);
    for (want, body) in
        [("taken\n", event("evt_1", 0)), ("taken before\n", event("evt_1", 0)), ("taken\n", event("evt_2", 900_000))]
    {
        let signature = signature(&house, &body);
        let answer = post(&house, &path, body, signature).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, want));
        assert_eq!(answer.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn what_can_t_be_taken_says_why_and_what_is_unknown_is_not_found() {
    let house = House::open().await;
    let app = selling_app(&house).await;
    let path = format!("/webhooks/stripe/{app}");
    let body = event("evt_1", 0);
    let good = signature(&house, &body);
    let changed = post(&house, &path, body.replace("cus_1", "cus_2"), good.clone()).await;
    assert_eq!(changed.status, StatusCode::BAD_REQUEST);
    assert!(changed.body.starts_with("no signature fits"), "{}", changed.body);
    house.pass(time::Duration::seconds(301));
    let late = post(&house, &path, body.clone(), good.clone()).await;
    assert!(late.status == StatusCode::BAD_REQUEST && late.body.contains("too old"), "{}", late.body);
    let long = post(&house, &path, event("evt_2", 1 << 20), good.clone()).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let nobody = Uuid::now_v7();
    for path in [
        "/webhooks/stripe/x".to_owned(),
        format!("/webhooks/stripe/{nobody}"),
        format!("/webhooks/paypal/{app}"),
        format!("/webhooks/revenue_cat/{app}"),
    ] {
        let header = if path.contains("revenue") { "authorization" } else { "stripe-signature" };
        let request =
            Request::post(&path).header(header, good.clone()).body(Body::from(body.clone())).expect("a request");
        let answer = house.stranger_in_production().send(request).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn without_the_database_an_event_is_to_be_sent_again() {
    let house = House::open().await;
    let path = format!("/webhooks/stripe/{}", selling_app(&house).await);
    house.store().close().await;
    let body = event("evt_1", 0);
    let signature = signature(&house, &body);
    assert_eq!(post(&house, &path, body, signature).await.status, StatusCode::SERVICE_UNAVAILABLE);
}
