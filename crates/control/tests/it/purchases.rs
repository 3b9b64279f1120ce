//! What the tests of purchases share, and webhooks: whose are taken, and that each counts once.

use hmac::{Hmac, Mac};
use http::HeaderMap;
use keyward_control::{Actor, WebhookError, WebhookTaken};
use keyward_domain::ids::{AppId, PurchaserId, WebhookSecretId};
use keyward_domain::plans::PurchaseSource;
use keyward_domain::view::{ConnectSourceForm, PurchaserView, SourceKeyForm, WebhookSecretForm};
use keyward_payments::{Webhook, WebhookRefusal};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::shop::{REVENUE_CAT_KEY, STRIPE_KEY};
use crate::world::World;

pub const STRIPE: PurchaseSource = PurchaseSource::Stripe;
pub const SECRET: &str = "whsec_canary4711secret";

pub fn connect_form() -> ConnectSourceForm {
    ConnectSourceForm { live: false, key: STRIPE_KEY.to_owned(), webhook_secret: SECRET.to_owned() }
}

pub fn key_form() -> SourceKeyForm {
    SourceKeyForm { key: "rk_test_anotherone1234".to_owned() }
}

pub fn secret_form() -> WebhookSecretForm {
    WebhookSecretForm { webhook_secret: "whsec_the_next_secret".to_owned() }
}

/// Stripe, with one secret and one customer.
pub async fn connected(world: &World, actor: &Actor, app: AppId) -> (WebhookSecretId, PurchaserId) {
    world.control.connect_purchases(actor, app, STRIPE, connect_form()).await.expect("connected");
    world.shop.has_customer("cus_first", None, None);
    world.take(app, &event("evt_first", "cus_first")).await.expect("taken");
    let sources = world.control.purchases(actor, app).await.expect("works").sources;
    let customers = world.control.purchasers(actor, app, "").await.expect("works").purchasers;
    (sources[0].secrets[0].id, customers[0].id)
}

pub fn event(id: &str, customer: &str) -> Value {
    json!({"id": id, "object": "event", "type": "customer.subscription.updated", "livemode": false,
        "data": {"object": {"id": "sub_1", "object": "subscription", "customer": customer}}})
}

pub fn signed(secret: &str, at: i64, body: &str) -> HeaderMap {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    let signature = mac.chain_update(format!("{at}.{body}")).finalize().into_bytes();
    let header = format!("t={at},v1={}", hex::encode(signature));
    HeaderMap::from_iter([("stripe-signature".parse().expect("a name"), header.parse().expect("a value"))])
}

impl World {
    pub async fn take(&self, app: AppId, event: &Value) -> Result<WebhookTaken, WebhookError> {
        self.take_signed(app, event, SECRET).await
    }

    pub async fn take_signed(&self, app: AppId, event: &Value, secret: &str) -> Result<WebhookTaken, WebhookError> {
        let body = event.to_string();
        let headers = signed(secret, self.now().unix_timestamp(), &body);
        self.control.take_webhook((app, STRIPE), Webhook { headers: &headers, body: body.as_bytes() }).await
    }

    /// An app whose users sign in with one identity provider and buy at Stripe.
    pub async fn selling_app(&self, actor: &Actor) -> AppId {
        let app = self.app(actor).await;
        self.control.add_issuer(actor, app, keyward_domain::view::IssuerForm::Emulator).await.expect("linked");
        self.control.connect_purchases(actor, app, STRIPE, connect_form()).await.expect("connected");
        app
    }

    pub async fn customer(&self, actor: &Actor, app: AppId, id: &str) -> PurchaserView {
        let found = self.control.purchasers(actor, app, id).await.expect("works").purchasers;
        found.into_iter().find(|customer| customer.customer_id == id).expect("a customer")
    }

    pub async fn read_all(&self) {
        self.control.read_due_purchasers().await.expect("works");
    }
}

#[tokio::test]
async fn a_webhook_counts_once_however_often_it_comes() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    world.shop.has_customer("cus_1", None, Some("ann"));
    world.shop.sells("cus_1", "active");
    assert_eq!(world.take(app, &event("evt_1", "cus_1")).await, Ok(WebhookTaken::Now));
    assert_eq!(world.take(app, &event("evt_1", "cus_1")).await, Ok(WebhookTaken::Before));
    world.read_all().await;
    let read = world.shop.asked().iter().filter(|path| path.ends_with("/cus_1")).count();
    assert_eq!(read, 1);
    let customer = world.customer(&ada, app, "cus_1").await;
    assert_eq!((customer.sub.as_deref(), customer.entitlements.len()), (Some("ann"), 1));
}

#[tokio::test]
async fn a_webhook_without_our_secret_s_signature_writes_nothing() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let rows = "SELECT (SELECT count(*) FROM purchase_events) + (SELECT count(*) FROM purchasers)
        + (SELECT count(*) FROM webhook_secrets WHERE last_used_at IS NOT NULL)";
    let refused = |refusal| Err(WebhookError::Refused(refusal));
    let forged = world.take_signed(app, &event("evt_1", "cus_1"), "whsec_of_somebody_else").await;
    assert_eq!(forged, refused(WebhookRefusal::NoMatch));
    let mut live = event("evt_1", "cus_1");
    live["livemode"] = json!(true);
    let text = world.take(app, &live).await.expect_err("the connection is in test mode").to_string();
    assert_eq!(text, "a live mode event came to a connection in test mode");
    let unsigned = Webhook { headers: &HeaderMap::new(), body: b"{}" };
    let unsigned = world.control.take_webhook((app, STRIPE), unsigned).await;
    assert_eq!(unsigned, refused(WebhookRefusal::NoSignature("Stripe-Signature")));
    assert_eq!(world.database.count(rows).await, 0);
    let others = world.app_named(&ada, "Other").await;
    assert_eq!(world.take(others, &event("evt_1", "cus_1")).await, Err(WebhookError::NotConnected));
}

#[tokio::test]
async fn while_secrets_change_over_both_are_good_and_never_none() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let only = world.control.purchases(&ada, app).await.expect("works").sources[0].secrets[0].id;
    let refused = world.control.remove_webhook_secret(&ada, app, STRIPE, only).await.expect_err("the last one");
    assert!(refused.to_string().contains("add the new one first"), "{refused}");
    let next = secret_form().webhook_secret;
    assert!(world.take_signed(app, &event("evt_0", "cus_1"), &next).await.is_err());
    world.control.add_webhook_secret(&ada, app, STRIPE, secret_form()).await.expect("added");
    assert_eq!(world.take(app, &event("evt_1", "cus_1")).await, Ok(WebhookTaken::Now));
    assert_eq!(world.take_signed(app, &event("evt_2", "cus_1"), &next).await, Ok(WebhookTaken::Now));
    world.control.remove_webhook_secret(&ada, app, STRIPE, only).await.expect("one is left");
    assert!(world.take(app, &event("evt_3", "cus_1")).await.is_err());
    let secrets = world.control.purchases(&ada, app).await.expect("works").sources.remove(0).secrets;
    assert_eq!((secrets.len(), secrets[0].last_used_at), (1, Some(world.now())));
}

#[tokio::test]
async fn the_app_stores_customers_are_read_after_a_webhook_with_the_secret() {
    let world = World::development().await;
    let ada = world.actor("ada@example.com").await;
    let app = world.selling_app(&ada).await;
    let secret = "a secret of the developer".replace(' ', "-");
    let form = ConnectSourceForm { key: REVENUE_CAT_KEY.to_owned(), webhook_secret: secret.clone(), live: true };
    world.control.connect_purchases(&ada, app, PurchaseSource::RevenueCat, form).await.expect("connected");
    let pro = json!({"entitlements": {"pro": {"product_identifier": "monthly", "expires_date": "2026-04-01T00:00:00Z"}},
        "subscriptions": {"monthly": {"is_sandbox": false}}});
    world.shop.has_subscriber("bob", pro);
    let body = json!({"event": {"id": "e-1", "type": "INITIAL_PURCHASE", "app_user_id": "bob"}}).to_string();
    let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, secret.parse().expect("a value"))]);
    let webhook = Webhook { headers: &headers, body: body.as_bytes() };
    let taken = world.control.take_webhook((app, PurchaseSource::RevenueCat), webhook).await;
    assert_eq!(taken, Ok(WebhookTaken::Now));
    world.read_all().await;
    let bob = world.customer(&ada, app, "bob").await;
    assert_eq!((bob.sub.as_deref(), bob.entitlements[0].names.join(" ")), (Some("bob"), "pro monthly".to_owned()));
}
