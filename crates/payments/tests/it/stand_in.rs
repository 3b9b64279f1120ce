//! A seller that answers as scripted, and remembers what it was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use keyward_domain::plans::PurchaseSource;
use keyward_outbound::{Guard, Reach};
use keyward_payments::{Access, Mode, Seller, SellerAddresses, SellerKey, Sellers};
use serde_json::Value;
use url::Url;

pub const STRIPE_KEY: &str = "rk_test_canary4711abcd";
pub const REVENUE_CAT_KEY: &str = "sk_canary4711abcd";

#[derive(Clone)]
pub struct StandIn {
    pub sellers: Arc<Sellers>,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    answers: HashMap<String, (u16, Value)>,
    asked: Vec<(String, String)>,
}

impl StandIn {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = Url::parse(&format!("http://{}", listener.local_addr().expect("bound"))).expect("a URL");
        let stand_in = Self { sellers: Arc::new(sellers_at(&url)), script: Arc::default() };
        let router = Router::new().fallback(answer).with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand_in
    }

    /// Whatever the query is; a path that nothing was said of is 404.
    pub fn answers(&self, path: &str, status: u16, body: Value) -> &Self {
        self.script.lock().expect("not poisoned").answers.insert(path.to_owned(), (status, body));
        self
    }

    /// Path with query, and the `Authorization`.
    pub fn asked(&self) -> Vec<(String, String)> {
        self.script.lock().expect("not poisoned").asked.clone()
    }

    pub fn stripe(&self) -> &dyn Seller {
        self.sellers.of(PurchaseSource::Stripe)
    }

    pub fn revenue_cat(&self) -> &dyn Seller {
        self.sellers.of(PurchaseSource::RevenueCat)
    }
}

pub fn sellers_at(url: &Url) -> Sellers {
    let addresses = SellerAddresses { stripe: Some(url.clone()), revenue_cat: Some(url.clone()) };
    Sellers::new(&addresses, &Guard::new(Reach::PublicHttpsAndLoopback)).expect("sellers")
}

pub fn access(key: &str, mode: Mode) -> Access {
    Access { key: SellerKey::new(&key.to_owned().into()), mode }
}

async fn answer(State(stand_in): State<StandIn>, uri: Uri, headers: HeaderMap) -> (StatusCode, String) {
    let mut script = stand_in.script.lock().expect("not poisoned");
    let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    script.asked.push((uri.to_string(), key));
    let (status, body) = script.answers.get(uri.path()).cloned().unwrap_or_else(|| {
        (404, serde_json::json!({"error": {"type": "invalid_request_error", "message": "no such thing"}}))
    });
    (StatusCode::from_u16(status).expect("a status"), body.to_string())
}
