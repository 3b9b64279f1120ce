//! A small Stripe and a small RevenueCat on this machine: what they say is set by the tests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::{Json, Router};
use keyward_payments::SellerAddresses;
use serde_json::{Value, json};
use url::Url;

pub const STRIPE_KEY: &str = "rk_test_canary4711abcd";
/// Of our own account's webhooks.
pub const BILLING_SECRET: &str = "whsec_own_0123456789";
pub const REVENUE_CAT_KEY: &str = "sk_canary4711wxyz";

#[derive(Clone)]
pub struct Shop {
    url: Url,
    stock: Arc<Mutex<Stock>>,
}

#[derive(Default)]
struct Stock {
    /// Of Stripe, by id.
    customers: BTreeMap<String, Value>,
    subscriptions: BTreeMap<String, Vec<Value>>,
    sessions: HashMap<String, Vec<Value>>,
    /// Pages of Checkout, the newest first.
    pages: Vec<Value>,
    /// Who pays on another page as soon as a page opens.
    pays_elsewhere: Option<String>,
    events: Vec<Value>,
    prices: Vec<Value>,
    /// Of RevenueCat, by app user id.
    subscribers: HashMap<String, Value>,
    /// Paths that begin so are answered with this status.
    refusals: Vec<(String, u16)>,
    /// Forms to this path are answered with this status and message.
    refused_form: Option<(String, u16, String)>,
    asked: Vec<String>,
    /// Forms that were sent, by path.
    forms: Vec<(String, HashMap<String, String>)>,
}

impl Shop {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = Url::parse(&format!("http://{}", listener.local_addr().expect("bound"))).expect("a URL");
        let shop = Self { url, stock: Arc::default() };
        let router = Router::new().fallback(answer).with_state(shop.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        shop
    }

    pub fn addresses(&self) -> SellerAddresses {
        let at = |path: &str| Some(self.url.join(path).expect("a path"));
        SellerAddresses { stripe: at("stripe"), revenue_cat: at("revenue_cat/v1") }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Stock) -> T) -> T {
        change(&mut self.stock.lock().expect("not poisoned"))
    }

    pub fn has_customer(&self, id: &str, email: Option<&str>, user: Option<&str>) {
        let metadata = user.map_or_else(|| json!({}), |user| json!({"keyward_user": user}));
        let customer = json!({"id": id, "object": "customer", "email": email, "metadata": metadata});
        self.change(|stock| stock.customers.insert(id.to_owned(), customer));
    }

    /// One subscription to `price_pro`, in place of all there were.
    pub fn sells(&self, customer: &str, status: &str) {
        let subscription = subscription(customer, status);
        self.change(|stock| stock.subscriptions.insert(customer.to_owned(), vec![subscription]));
    }

    pub fn sets_subscription(&self, customer: &str, subscription: Value) {
        self.change(|stock| stock.subscriptions.insert(customer.to_owned(), vec![subscription]));
    }

    pub fn checked_out(&self, customer: &str, reference: &str) {
        let session = json!({"id": "cs_1", "status": "complete", "client_reference_id": reference});
        self.change(|stock| stock.sessions.entry(customer.to_owned()).or_default().push(session));
    }

    pub fn tells_event(&self, event: Value) {
        self.change(|stock| stock.events.push(event));
    }

    pub fn has_subscriber(&self, user: &str, subscriber: Value) {
        self.change(|stock| stock.subscribers.insert(user.to_owned(), subscriber));
    }

    /// Pages of Checkout that can still be paid on.
    pub fn open_pages(&self) -> Vec<String> {
        let id = |page: &Value| page["id"].as_str().unwrap_or_default().to_owned();
        self.change(|stock| stock.pages.iter().filter(|page| page["status"] == "open").map(id).collect())
    }

    pub fn pays_when_a_page_opens(&self, customer: &str) {
        self.change(|stock| stock.pays_elsewhere = Some(customer.to_owned()));
    }

    /// In place of all there were, the newest first.
    pub fn sets_subscriptions(&self, customer: &str, subscriptions: Vec<Value>) {
        self.change(|stock| stock.subscriptions.insert(customer.to_owned(), subscriptions));
    }

    pub fn has_price(&self, price: Value) {
        self.change(|stock| stock.prices.push(price));
    }

    /// In place of all there were.
    pub fn has_prices(&self, prices: Vec<Value>) {
        self.change(|stock| stock.prices = prices);
    }

    pub fn refuses(&self, path: &str, status: u16) {
        self.change(|stock| stock.refusals.push((path.to_owned(), status)));
    }

    pub fn refuses_form(&self, path: &str, status: u16, message: &str) {
        self.change(|stock| stock.refused_form = Some((path.to_owned(), status, message.to_owned())));
    }

    pub fn refuses_nothing(&self) {
        self.change(|stock| {
            stock.refusals.clear();
            stock.refused_form = None;
        });
    }

    /// Forms that were sent to it, since it was asked last.
    pub fn forms(&self) -> Vec<(String, HashMap<String, String>)> {
        self.change(|stock| std::mem::take(&mut stock.forms))
    }

    /// Paths without queries, since it was asked last.
    pub fn asked(&self) -> Vec<String> {
        self.change(|stock| std::mem::take(&mut stock.asked))
    }
}

pub fn subscription(customer: &str, status: &str) -> Value {
    json!({
        "id": format!("sub_{customer}"), "object": "subscription", "customer": customer, "status": status, "metadata": {},
        "created": 1_772_323_200, "cancel_at": null, "cancel_at_period_end": false,
        "items": list(&[json!({
            "id": "si_1", "current_period_start": 1_772_323_200, "current_period_end": 1_775_001_600,
            "price": {"id": "price_pro", "product": "prod_pro"},
        })]),
    })
}

fn list(data: &[Value]) -> Value {
    json!({"object": "list", "has_more": false, "data": data})
}

async fn answer(
    State(shop): State<Shop>,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let mut stock = shop.stock.lock().expect("not poisoned");
    stock.asked.push(uri.path().to_owned());
    let key = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !body.is_empty() {
        if let Some((_, status, message)) = stock.refused_form.as_ref().filter(|(path, ..)| path == uri.path()) {
            let error = json!({"error": {"type": "invalid_request_error", "message": message}});
            return (StatusCode::from_u16(*status).expect("a status"), Json(error));
        }
        let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        stock.forms.push((uri.path().to_owned(), form));
        let made = match uri.path() {
            "/stripe/v1/customers" => json!({"id": "cus_own"}),
            "/stripe/v1/checkout/sessions" => stock.open_page(),
            _ => json!({"id": "bps_1", "url": "https://billing.stripe.com/p/session/1"}),
        };
        return (StatusCode::OK, Json(made));
    }
    if let Some(page) = uri.path().strip_suffix("/expire") {
        let (status, body) = stock.expire(page);
        return (StatusCode::from_u16(status).expect("a status"), Json(body));
    }
    let (status, body) = stock.answer(uri.path(), &query, key);
    (StatusCode::from_u16(status).expect("a status"), Json(body))
}

impl Stock {
    fn open_page(&mut self) -> Value {
        let (id, form) = (format!("cs_{}", self.pages.len() + 1), &self.forms.last().expect("just sent").1);
        let page = json!({"id": id, "url": format!("https://checkout.stripe.com/c/pay/{id}"), "status": "open",
            "customer": form["customer"]});
        self.pages.insert(0, page.clone());
        if let Some(customer) = self.pays_elsewhere.take() {
            self.subscriptions.insert(customer.clone(), vec![subscription(&customer, "active")]);
        }
        page
    }

    /// What is over can't be ended.
    fn expire(&mut self, path: &str) -> (u16, Value) {
        let id = path.rsplit('/').next().unwrap_or_default();
        let Some(page) = self.pages.iter_mut().find(|page| page["id"] == id && page["status"] == "open") else {
            return (400, json!({"error": {"type": "invalid_request_error", "message": "not open"}}));
        };
        page["status"] = json!("expired");
        (200, page.clone())
    }

    fn prices_of(&self, query: &HashMap<String, String>) -> Vec<Value> {
        let fits = |asked: Option<&String>, said: &Value| asked.is_none_or(|asked| said == asked);
        let of_query = |price: &&Value| {
            fits(query.get("product"), &price["product"]) && fits(query.get("lookup_keys[]"), &price["lookup_key"])
        };
        self.prices.iter().filter(of_query).cloned().collect()
    }

    fn answer(&self, path: &str, query: &HashMap<String, String>, key: &str) -> (u16, Value) {
        let error = |status: u16| (status, json!({"error": {"type": "invalid_request_error", "message": "no"}}));
        if let Some((_, status)) = self.refusals.iter().find(|(prefix, _)| path.starts_with(prefix)) {
            return error(*status);
        }
        if let Some(user) = path.strip_prefix("/revenue_cat/v1/subscribers/") {
            let subscriber = self.subscribers.get(user).cloned().unwrap_or_else(|| json!({}));
            return (200, json!({"subscriber": subscriber}));
        }
        if !key.contains("_test_") {
            return error(401);
        }
        let of_customer = |all: Option<&Vec<Value>>| (200, list(all.map_or(&[], Vec::as_slice)));
        let customer = query.get("customer").cloned().unwrap_or_default();
        match path.strip_prefix("/stripe/v1/").unwrap_or_default() {
            "prices" => (200, list(&self.prices_of(query))),
            "customers" | "invoices" | "products" => (200, list(&[])),
            "events" => (200, list(&self.events)),
            "subscriptions" if customer.is_empty() => {
                (200, list(&self.subscriptions.values().flatten().cloned().collect::<Vec<_>>()))
            }
            "subscriptions" => of_customer(self.subscriptions.get(&customer)),
            "checkout/sessions" if query.contains_key("status") => {
                let open = self.pages.iter().filter(|page| page["status"] == "open" && page["customer"] == customer);
                (200, list(&open.cloned().collect::<Vec<_>>()))
            }
            "checkout/sessions" => of_customer(self.sessions.get(&customer)),
            other if other.starts_with("prices/") || other.starts_with("products/") => {
                let (_, id) = other.split_once('/').expect("a slash");
                let of_id = |price: &&Value| price["id"] == id || price["product"] == id;
                self.prices.iter().find(of_id).map_or_else(|| error(404), |price| (200, price.clone()))
            }
            other => match other.strip_prefix("customers/").and_then(|id| self.customers.get(id)) {
                Some(customer) => (200, customer.clone()),
                None => error(404),
            },
        }
    }
}
