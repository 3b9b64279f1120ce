//! Events, and the webhooks that tell them: signed with every secret of their receiver, twice or out of order as a test
//! wants them, and sent again while they are not taken.

use std::time::Duration;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Billing, field, keys::Caller, list, localstripe::Pairs};
use crate::{clock::unix_secs, ids};

const MOST_ATTEMPTS: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MOST_EVENTS: usize = 10_000;

/// How webhooks are sent.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Habits {
    pub stripe: Vec<StripeReceiver>,
    pub revenue_cat: Vec<RevenueCatReceiver>,
    /// Of each; 0 sends none.
    pub copies: Option<u32>,
    /// The earlier one of two that come soon after each other is sent later.
    pub shuffle: bool,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StripeReceiver {
    url: String,
    secrets: Vec<String>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevenueCatReceiver {
    url: String,
    authorization: String,
}

/// One way to one receiver.
#[derive(Clone)]
struct Letter {
    url: String,
    body: String,
    proof: Proof,
    event: String,
}

#[derive(Clone)]
enum Proof {
    Signatures(Vec<String>),
    Authorization(String),
}

impl Billing {
    /// As Stripe lists them.
    pub fn events(&self, query: &Pairs) -> Value {
        let said = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let kinds: Vec<&str> =
            query.iter().filter(|(name, _)| name.starts_with("type")).map(|(_, kind)| kind.as_str()).collect();
        let since: i64 = said("created[gte]").and_then(|since| since.parse().ok()).unwrap_or(0);
        let rows: usize = said("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10);
        let stock = self.stock();
        let fits = |event: &&Value| {
            (kinds.is_empty() || kinds.contains(&field(event, "type"))) && event["created"].as_i64() >= Some(since)
        };
        let after = said("starting_after");
        let from = after.and_then(|id| stock.events.iter().position(|event| field(event, "id") == id));
        let mut found = stock.events.iter().skip(from.map_or(0, |at| at + 1)).filter(fits);
        let page: Vec<Value> = found.by_ref().take(rows).cloned().collect();
        list(&page, found.next().is_some(), "/v1/events")
    }

    pub fn tell(&self, kind: &str, object: &Value, caller: Caller) {
        let event = json!({
            "id": ids::id("evt_"), "object": "event", "api_version": "2026-09-30.endive", "created": unix_secs(),
            "data": {"object": object}, "livemode": caller.live, "pending_webhooks": 1, "type": kind,
            "request": {"id": null, "idempotency_key": null},
        });
        {
            let mut stock = self.stock();
            stock.events.insert(0, event.clone());
            stock.events.truncate(MOST_EVENTS);
        }
        self.send_event(&event);
    }

    /// Again, too.
    pub fn send_event(&self, event: &Value) {
        let (id, body) = (field(event, "id"), event.to_string());
        // The lock is let go before each is posted.
        let receivers = self.stock().habits.stripe.clone();
        for receiver in receivers {
            let proof = Proof::Signatures(receiver.secrets);
            self.post(&Letter { url: receiver.url, body: body.clone(), proof, event: id.to_owned() });
        }
    }

    pub fn send_to_revenue_cat_receivers(&self, event: &Value) {
        let body = json!({"api_version": "1.0", "event": event}).to_string();
        let receivers = self.stock().habits.revenue_cat.clone();
        for receiver in receivers {
            let (proof, event) = (Proof::Authorization(receiver.authorization), field(event, "id").to_owned());
            self.post(&Letter { url: receiver.url, body: body.clone(), proof, event });
        }
    }

    pub fn resend(&self, id: &str) -> bool {
        let event = self.stock().events.iter().find(|event| field(event, "id") == id).cloned();
        event.as_ref().map(|event| self.send_event(event)).is_some()
    }

    fn post(&self, letter: &Letter) {
        let (copies, delay) = {
            let stock = self.stock();
            let habits = &stock.habits;
            // Each of five waits less than the one before it.
            let shuffle = if habits.shuffle { 500 - (stock.events.len() as u64 % 5) * 100 } else { 0 };
            (habits.copies.unwrap_or(1), Duration::from_millis(shuffle))
        };
        for _ in 0..copies {
            tokio::spawn(letter.clone().deliver(self.client.clone(), delay));
        }
    }
}

impl Letter {
    async fn deliver(self, client: reqwest::Client, delay: Duration) {
        tokio::time::sleep(delay).await;
        let (event, mut pause) = (self.event, FIRST_PAUSE);
        for attempt in 1..=MOST_ATTEMPTS {
            let (name, value) = self.proof.header(&self.body);
            let request = client.post(&self.url).header(name, value).header("content-type", "application/json");
            let status = request.body(self.body.clone()).send().await.map(|answer| answer.status());
            match status {
                Ok(status) if status.is_success() => return,
                Ok(status) => tracing::info!(event, attempt, status = status.as_u16(), "a webhook was not taken"),
                Err(_) => tracing::info!(event, attempt, "nobody takes webhooks"),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

impl Proof {
    /// Signed anew for each attempt, as Stripe does.
    fn header(&self, body: &str) -> (&'static str, String) {
        match self {
            Self::Authorization(text) => ("authorization", text.clone()),
            Self::Signatures(secrets) => ("stripe-signature", signatures(secrets, unix_secs(), body)),
        }
    }
}

fn signatures(secrets: &[String], at: i64, body: &str) -> String {
    let one = |secret: &String| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        format!(",v1={}", hex::encode(hmac::sign(&key, format!("{at}.{body}").as_bytes())))
    };
    format!("t={at}{}", secrets.iter().map(one).collect::<String>())
}
