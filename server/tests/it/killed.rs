//! The real process, killed in the middle of a storm of webhooks: what was answered with 200 is kept, what was not is sent
//! again, and everybody ends with what the seller says they have.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use keyward_outbound::{ClientTimes, Guard, Reach};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use url::Url;

use crate::harness::{House, KEY};
use crate::webhooks::{SECRET, selling_app, signature_at};

const EVENTS: usize = 1_000;
const CUSTOMERS: usize = 50;
const SENDERS: usize = 8;
/// More than a reading that the dead process had taken is held back for.
const PATIENCE: Duration = Duration::from_secs(90);

/// A Stripe where everybody has one active subscription.
async fn stripe() -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = Url::parse(&format!("http://{}", listener.local_addr().expect("bound"))).expect("a URL");
    let subscriptions = |Query(query): Query<std::collections::HashMap<String, String>>| async move {
        let customer = query.get("customer").cloned().unwrap_or_default();
        let item = json!({"price": {"id": "price_pro", "product": "prod_pro"}});
        let subscription = json!({"id": format!("sub_{customer}"), "customer": customer, "status": "active",
            "items": {"data": [item]}});
        axum::Json(json!({"has_more": false, "data": [subscription]}))
    };
    let customer =
        |Path(id): Path<String>| async move { axum::Json(json!({"id": id, "metadata": {"keyward_user": id}})) };
    let router = Router::new()
        .route("/v1/customers/{id}", get(customer))
        .route("/v1/subscriptions", get(subscriptions))
        .fallback(|| async { axum::Json::<Value>(json!({"has_more": false, "data": []})) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// The real process, which can be killed and started again at the same address.
struct Dashboard<'a> {
    house: &'a House,
    port: u16,
    stripe: Url,
    site: PathBuf,
}

impl<'a> Dashboard<'a> {
    async fn new(house: &'a House) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
        let site = std::env::temp_dir().join(format!("keyward-site-{port}"));
        std::fs::create_dir_all(site.join("pkg")).expect("a folder");
        std::fs::write(site.join("pkg/keyward.js"), "").expect("a file");
        Self { house, port, stripe: stripe().await, site }
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn start(&self) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_server"))
            .env("KEYWARD_MODE", "development")
            .env("DATABASE_URL", self.house.database_url())
            .env("KEYWARD_KEY_ENCRYPTION_KEY", KEY)
            .env("KEYWARD_DASHBOARD_ADDR", format!("127.0.0.1:{}", self.port))
            .env("KEYWARD_STRIPE_URL", self.stripe.as_str())
            .env("KEYWARD_BILLING_STRIPE_KEY", "rk_test_51Habcdefgh")
            .env("KEYWARD_BILLING_WEBHOOK_SECRETS", SECRET)
            .env("KEYWARD_BILLING_PRICES", "pro=price_pro")
            .env("KEYWARD_SITE_ROOT", &self.site)
            .env("KEYWARD_LOG", "off")
            .stdin(Stdio::null())
            .spawn()
            .expect("the dashboard starts");
        Running(child)
    }
}

impl Drop for Dashboard<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.site);
    }
}

struct Running(Child);

impl Drop for Running {
    /// SIGKILL.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the process under test knows the real time only")]
fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn event(number: usize) -> String {
    let customer = format!("cus_{}", number % CUSTOMERS);
    json!({"id": format!("evt_{number}"), "type": "invoice.paid", "livemode": false,
        "data": {"object": {"customer": customer}}})
    .to_string()
}

/// Sends all events to this path, each until it is taken; the process is killed when a third of them were, and started again.
async fn storm_with_a_kill(dashboard: &Dashboard<'_>, path: &str, deadline: Instant) -> Running {
    let first = dashboard.start();
    let times = ClientTimes { connect: Duration::from_secs(2), idle: None, total: Some(Duration::from_secs(10)) };
    let client = Guard::new(Reach::PublicHttpsAndLoopback).client(&times);
    let (address, taken) = (dashboard.address(path), Arc::new(AtomicUsize::new(0)));
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (client, address, taken) = (client.clone(), address.clone(), Arc::clone(&taken));
        senders.spawn(async move {
            for number in (sender..EVENTS).step_by(SENDERS) {
                let body = event(number);
                loop {
                    let header = signature_at(now(), &body);
                    let sent = client.post(&address).header("stripe-signature", header).body(body.clone()).send().await;
                    match sent {
                        Ok(answer) if answer.status().is_success() => break,
                        Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                    }
                    assert!(Instant::now() < deadline, "event {number} was never taken");
                }
                taken.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    while taken.load(Ordering::SeqCst) < EVENTS / 3 {
        assert!(Instant::now() < deadline, "the storm does not begin");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(first);
    let before = taken.load(Ordering::SeqCst);
    assert!(before < EVENTS, "killed in the middle");
    let second = dashboard.start();
    while let Some(sent) = senders.join_next().await {
        sent.expect("every event is taken");
    }
    second
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_storm_of_webhooks_loses_nothing() {
    let house = House::open().await;
    let app = selling_app(&house).await;
    let (dashboard, deadline) = (Dashboard::new(&house).await, Instant::now() + PATIENCE);
    let _running = storm_with_a_kill(&dashboard, &format!("/webhooks/stripe/{app}"), deadline).await;
    assert_eq!(house.count("SELECT count(*) FROM purchase_events").await, i64::try_from(EVENTS).expect("few"));
    let settled = "SELECT count(*) FROM purchasers WHERE wanted <= read AND named_user = customer_id
        AND entitlements @> '[{\"state\": {\"kind\": \"active\"}}]'";
    while house.count(settled).await < i64::try_from(CUSTOMERS).expect("few") {
        assert!(Instant::now() < deadline, "{} of {CUSTOMERS} were read", house.count(settled).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Of our own account what an event changes is written before it is answered: nothing is left to be done afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_storm_of_our_own_account_s_webhooks_loses_no_tier() {
    let house = House::open().await;
    let accounts = format!(
        "INSERT INTO accounts (id, name, wrapped_data_key, created_at, billing_read_at, stripe_customer)
         SELECT gen_random_uuid(), 'Account', '\\x00', now(), now(), 'cus_' || number FROM generate_series(0, {}) number",
        CUSTOMERS - 1
    );
    house.execute(&accounts).await;
    let (dashboard, deadline) = (Dashboard::new(&house).await, Instant::now() + PATIENCE);
    let _running = storm_with_a_kill(&dashboard, "/webhooks/billing", deadline).await;
    let (events, paying) = ("billing_events", "accounts WHERE tier = 'pro' AND billing_read > 0");
    assert_eq!(house.count(&format!("SELECT count(*) FROM {events}")).await, i64::try_from(EVENTS).expect("few"));
    assert_eq!(house.count(&format!("SELECT count(*) FROM {paying}")).await, i64::try_from(CUSTOMERS).expect("few"));
}
