//! The sellers: Stripe's front before localstripe, which `scripts/setup.sh --test` installs (without it, those tests are passed
//! over, but where `make test` insists), and RevenueCat.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use http::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Emulator, json as body_of};

const KEY: &str = "rk_test_emulator";

/// A program of its own, killed when the test ends.
struct Localstripe {
    child: Child,
    url: String,
}

impl Localstripe {
    #[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
    fn installed() -> Option<PathBuf> {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../end2end/.localstripe/bin/python");
        let insists = std::env::var("KEYWARD_TEST_SDKS").is_ok();
        assert!(python.exists() || !insists, "localstripe is not installed: scripts/setup.sh --test");
        python.exists().then_some(python)
    }

    async fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
        let child = Command::new(Self::installed()?)
            .args(["-m", "localstripe", "--from-scratch", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("localstripe starts");
        let localstripe = Self { child, url: format!("http://127.0.0.1:{port}") };
        let deadline = Instant::now() + Duration::from_secs(30);
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(Instant::now() < deadline, "localstripe does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(localstripe)
    }
}

impl Drop for Localstripe {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Emulator {
    async fn stripe(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Value {
        body_of(self.stripe_as(KEY, method, path, form).await).await
    }

    async fn stripe_as(&self, key: &str, method: Method, path: &str, form: &[(&str, &str)]) -> reqwest::Response {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.request(method, &format!("/stripe/v1/{path}")).bearer_auth(key);
        request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await.expect("an answer")
    }

    async fn price(&self) -> String {
        let form = [
            ("currency", "eur"),
            ("unit_amount", "900"),
            ("recurring[interval]", "month"),
            ("product_data[name]", "Pro"),
            ("lookup_key", "pro_monthly"),
        ];
        self.stripe(Method::POST, "prices", &form).await["id"].as_str().expect("an id").to_owned()
    }

    /// Through Checkout's page, as a buyer would.
    async fn buy(&self, price: &str, user: &str) -> Value {
        let form = [
            ("mode", "subscription"),
            ("line_items[0][price]", price),
            ("line_items[0][quantity]", "1"),
            ("client_reference_id", user),
            ("success_url", "https://app.example.com/done"),
        ];
        let session = self.stripe(Method::POST, "checkout/sessions", &form).await;
        let page = self.client.get(session["url"].as_str().expect("a URL")).send().await.expect("a page");
        assert!(page.text().await.expect("text").contains("<button>Pay</button>"));
        let id = session["id"].as_str().expect("an id");
        let paid = self.pay(id, "good").await;
        assert_eq!(paid.headers()["location"], "https://app.example.com/done");
        self.stripe(Method::GET, &format!("checkout/sessions/{id}"), &[]).await
    }

    #[expect(clippy::disallowed_methods, reason = "a test calls the emulator directly")]
    async fn pay(&self, session: &str, card: &str) -> reqwest::Response {
        // The page that a buyer comes back to is not there.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        let form = format!("email=ann%40example.com&card={card}");
        let request = client.post(format!("{}/stripe/checkout/{session}/pay", self.url));
        request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await.expect("an answer")
    }
}

#[tokio::test]
async fn a_buyer_pays_at_checkout_and_cancels_in_the_portal() {
    let Some(localstripe) = Localstripe::start().await else { return };
    let emulator = Emulator::start_with(&[("KEYWARD_EMULATOR_LOCALSTRIPE_URL", &localstripe.url)]);
    let price = emulator.price().await;
    let session = emulator.buy(&price, "ann").await;
    assert_eq!((&session["status"], &session["client_reference_id"]), (&json!("complete"), &json!("ann")));
    let customer = session["customer"].as_str().expect("a customer");
    let path = format!("subscriptions?customer={customer}&status=all&limit=100");
    let bought = emulator.stripe(Method::GET, &path, &[]).await;
    let subscription = &bought["data"][0];
    let item = &subscription["items"]["data"][0];
    assert_eq!((&subscription["status"], &item["price"]["id"]), (&json!("active"), &json!(price)));
    assert_eq!(item["price"]["lookup_key"], "pro_monthly");
    assert!(item["current_period_end"].as_i64() > item["current_period_start"].as_i64());

    let portal = emulator.stripe(Method::POST, "billing_portal/sessions", &[("customer", customer)]).await;
    let (portal, subscription) = (portal["url"].as_str().expect("a URL"), subscription["id"].as_str().expect("an id"));
    let form = format!("subscription={subscription}&when=now");
    let request = emulator.client.post(format!("{portal}/cancel"));
    let page = request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await;
    assert!(page.expect("a page").text().await.expect("text").contains("No subscription."));
    assert_eq!(emulator.stripe(Method::GET, &path, &[]).await["data"][0]["status"], "canceled");
    let events = emulator
        .stripe(
            Method::GET,
            "events?limit=100&types[]=checkout.session.completed&types[]=customer.subscription.deleted",
            &[],
        )
        .await;
    let kinds: Vec<&Value> = events["data"].as_array().expect("a list").iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["customer.subscription.deleted", "checkout.session.completed"], "newest first");
}

#[tokio::test]
async fn keys_have_a_mode_and_permissions_and_cards_are_declined() {
    let Some(localstripe) = Localstripe::start().await else { return };
    let emulator = Emulator::start_with(&[("KEYWARD_EMULATOR_LOCALSTRIPE_URL", &localstripe.url)]);
    for (key, path, want) in [
        ("pk_test_emulator", "customers", 401),
        ("rk_test_emulator_no_customers", "customers?limit=1", 403),
        ("rk_test_emulator_no_customers", "subscriptions?limit=1&status=all", 200),
        ("rk_live_emulator", "customers/cus_unknown", 404),
    ] {
        assert_eq!(emulator.stripe_as(key, Method::GET, path, &[]).await.status(), want, "{key} {path}");
    }
    let customer = body_of(emulator.stripe_as("sk_live_emulator", Method::POST, "customers", &[]).await).await;
    assert_eq!(customer["livemode"], true);
    let price = emulator.price().await;
    let form = [("mode", "subscription"), ("line_items[0][price]", price.as_str())];
    let session = emulator.stripe(Method::POST, "checkout/sessions", &form).await;
    let declined = emulator.pay(session["id"].as_str().expect("an id"), "declined").await;
    assert_eq!(declined.status(), StatusCode::PAYMENT_REQUIRED);
    assert!(declined.text().await.expect("text").contains("Your card was declined."));
}

#[tokio::test]
async fn a_test_says_what_a_subscription_is_like_and_localstripe_can_be_away() {
    let Some(localstripe) = Localstripe::start().await else { return };
    let emulator = Emulator::start_with(&[("KEYWARD_EMULATOR_LOCALSTRIPE_URL", &localstripe.url)]);
    let price = emulator.price().await;
    let session = emulator.buy(&price, "ann").await;
    let id = session["subscription"].as_str().expect("an id");
    let overlay = json!({"status": "past_due", "current_period_end": 1_775_001_600});
    emulator.control(Method::POST, &format!("/_billing/subscriptions/{id}"), Some(overlay)).await;
    let subscription = emulator.stripe(Method::GET, &format!("subscriptions/{id}"), &[]).await;
    assert_eq!(subscription["status"], "past_due");
    assert_eq!(subscription["items"]["data"][0]["current_period_end"], 1_775_001_600);
    drop(localstripe);
    let away = emulator.stripe_as(KEY, Method::GET, "customers", &[]).await;
    assert_eq!(away.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_app_stores_know_what_a_test_says_and_a_fault_takes_them_away() {
    let emulator = Emulator::start();
    let ask = |key: &str| emulator.request(Method::GET, "/revenuecat/v1/subscribers/bob").bearer_auth(key).send();
    assert_eq!(ask("appl_public").await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ask("sk_secret").await.expect("an answer").status(), StatusCode::CREATED);
    let pro = json!({"subscriber": {"entitlements": {"pro": {"expires_date": null}}}});
    emulator.control(Method::POST, "/_billing/subscribers/bob", Some(pro)).await;
    let answer = body_of(ask("sk_secret").await.expect("an answer")).await;
    assert_eq!(answer["subscriber"]["entitlements"]["pro"]["expires_date"], Value::Null);
    assert_eq!(answer["subscriber"]["original_app_user_id"], "bob");
    let fault = json!({"path_prefix": "/revenuecat", "status": 429, "headers": {"retry-after": "7"}});
    emulator.control(Method::POST, "/_faults", Some(fault)).await;
    assert_eq!(ask("sk_secret").await.expect("an answer").status(), StatusCode::TOO_MANY_REQUESTS);
}

/// Takes webhooks, the second time it sees one.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Vec<(HeaderMap, String)>>>);

impl Receiver {
    async fn start(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let seen = Arc::clone(&self.0);
        let take = move |headers: HeaderMap, body: String| async move {
            let mut seen = seen.lock().expect("not poisoned");
            let known = seen.iter().any(|(_, other)| *other == body);
            seen.push((headers, body));
            if known { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        };
        let router = axum::Router::new().route("/hook", axum::routing::post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    async fn has(&self, number: usize) -> Vec<(HeaderMap, String)> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let seen = self.0.lock().expect("not poisoned").clone();
            if seen.len() >= number {
                return seen;
            }
            assert!(Instant::now() < deadline, "{} of {number} webhooks came", seen.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn webhooks_are_signed_with_every_secret_and_sent_until_they_are_taken() {
    let Some(localstripe) = Localstripe::start().await else { return };
    let emulator = Emulator::start_with(&[("KEYWARD_EMULATOR_LOCALSTRIPE_URL", &localstripe.url)]);
    let (stripe, app_stores) = (Receiver::default(), Receiver::default());
    let secrets = ["whsec_one", "whsec_two"];
    let habits = json!({
        "stripe": [{"url": stripe.start().await, "secrets": secrets}],
        "revenue_cat": [{"url": app_stores.start().await, "authorization": "a-long-secret-text"}],
    });
    let set = emulator.request(Method::PUT, "/_billing/webhooks").json(&habits).send().await.expect("an answer");
    assert_eq!(set.status(), StatusCode::NO_CONTENT);
    emulator.stripe(Method::POST, "customers", &[("email", "ann@example.com")]).await;
    let bought = json!({"subscriber": {}, "event": {"type": "INITIAL_PURCHASE"}});
    emulator.control(Method::POST, "/_billing/subscribers/bob", Some(bought)).await;
    for (headers, body) in stripe.has(2).await {
        let header = headers["stripe-signature"].to_str().expect("text");
        let (at, signatures) = header.strip_prefix("t=").and_then(|rest| rest.split_once(',')).expect("a time");
        let want = secrets.map(|secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            format!("v1={}", hex::encode(hmac::sign(&key, format!("{at}.{body}").as_bytes())))
        });
        assert_eq!(signatures, want.join(","));
    }
    let (headers, body) = app_stores.has(2).await.remove(0);
    let event: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        (&headers["authorization"], &event["event"]["app_user_id"]),
        (&"a-long-secret-text".parse().expect("text"), &json!("bob"))
    );
}
