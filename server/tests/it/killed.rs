//! The real process, killed in the middle of a storm of webhooks: what was answered with 200 is kept, what was not is sent
//! again, and everybody ends with what the seller says they have.

use std::net::TcpListener;
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
use crate::webhooks::{selling_app, signature_at};

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
        axum::Json(
            json!({"has_more": false, "data": [{"id": format!("sub_{customer}"), "customer": customer, "status": "active"}]}),
        )
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

struct Dashboard {
    child: Child,
    url: String,
}

impl Dashboard {
    fn start(house: &House, (port, stripe): (u16, &Url), site: &std::path::Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_server"))
            .env("KEYWARD_MODE", "development")
            .env("DATABASE_URL", house.database_url())
            .env("KEYWARD_KEY_ENCRYPTION_KEY", KEY)
            .env("KEYWARD_DASHBOARD_ADDR", format!("127.0.0.1:{port}"))
            .env("KEYWARD_STRIPE_URL", stripe.as_str())
            .env("KEYWARD_SITE_ROOT", site)
            .env("KEYWARD_LOG", "error")
            .stdin(Stdio::null())
            .spawn()
            .expect("the dashboard starts");
        Self { child, url: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Dashboard {
    /// SIGKILL.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_storm_of_webhooks_loses_nothing() {
    let house = House::open().await;
    let app = selling_app(&house).await;
    let stripe = stripe().await;
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let site = std::env::temp_dir().join(format!("keyward-site-{port}"));
    std::fs::create_dir_all(site.join("pkg")).expect("a folder");
    std::fs::write(site.join("pkg/keyward.js"), "").expect("a file");
    let first = Dashboard::start(&house, (port, &stripe), &site);

    let times = ClientTimes { connect: Duration::from_secs(2), idle: None, total: Some(Duration::from_secs(10)) };
    let client = Guard::new(Reach::PublicHttpsAndLoopback).client(&times);
    let address = format!("{}/webhooks/stripe/{app}", first.url);
    let (taken, deadline) = (Arc::new(AtomicUsize::new(0)), Instant::now() + PATIENCE);
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
    let _second = Dashboard::start(&house, (port, &stripe), &site);
    while let Some(sent) = senders.join_next().await {
        sent.expect("every event is taken");
    }
    assert_eq!(house.count("SELECT count(*) FROM purchase_events").await, i64::try_from(EVENTS).expect("few"));
    let settled = "SELECT count(*) FROM purchasers WHERE wanted <= read AND named_user = customer_id
        AND entitlements @> '[{\"state\": {\"kind\": \"active\"}}]'";
    while house.count(settled).await < i64::try_from(CUSTOMERS).expect("few") {
        assert!(Instant::now() < deadline, "{} of {CUSTOMERS} were read", house.count(settled).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let _ = std::fs::remove_dir_all(&site);
}
