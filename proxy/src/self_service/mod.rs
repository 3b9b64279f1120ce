//! What the edge itself answers to an app's users, below `/{slug}/_keyward/`: with their own token, about themselves only.
//! No provider is called but to test a key that its owner typed, and no usage event is written.

mod attempts;
mod byok;
mod byok_keys;
mod form;
mod key_test;
mod usage;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use hyper::body::Incoming;
use keyward_domain::calendar::Months;
use keyward_domain::client_address::ClientAddress;
use keyward_domain::clock::Clock;
use keyward_domain::limits::names::Tag;
use keyward_domain::limits::quota::Place;
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::path::RequestPath;
use keyward_domain::rejection::Rejection;
use serde_json::Value;

use crate::edge::Edge;
use crate::limiter::{Demand, Dimension, LocalLimiter, Scope};
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::{Caller, Standing};

pub use attempts::Attempts;

/// Below this, no path is the provider's.
const FIRST_SEGMENT: &str = "_keyward";
const CALLS_PER_MINUTE: u64 = 60;
const SWEEP_EVERY: u64 = 64;

/// One user's question.
pub struct Question<'a> {
    pub edge: &'a Edge,
    pub proxy: &'a Arc<ServedProxy>,
    pub caller: &'a Caller,
    pub address: ClientAddress,
    pub head: &'a Parts,
    /// The credential of the caller's own key, as it was sent.
    pub byok: Option<&'a str>,
    pub path: &'a RequestPath,
}

pub struct OwnReply {
    pub status: StatusCode,
    /// `Null` for none.
    pub content: Value,
}

impl OwnReply {
    pub fn into_parts(self) -> (StatusCode, HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        if self.content.is_null() {
            return (self.status, headers, Bytes::new());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        (self.status, headers, self.content.to_string().into())
    }
}

pub fn is_addressed(path: &RequestPath) -> bool {
    path.segments().first().is_some_and(|first| first == FIRST_SEGMENT)
}

pub async fn answer(question: Question<'_>, body: &mut Option<Incoming>) -> Result<OwnReply, Rejection> {
    question.edge.questions.admit(question.proxy, question.caller)?;
    let rest: Vec<&str> = question.path.segments().iter().skip(1).map(String::as_str).collect();
    // The dashboard's test button is no app user, and has no keys of its own.
    let is_user = question.caller.standing() != Standing::TestCall;
    match (&question.head.method, rest.as_slice()) {
        (&Method::GET, ["usage"]) => usage::answer(&question).await,
        (&Method::GET, ["byok"]) if is_user => byok::list(&question).await,
        (&Method::POST, ["byok"]) if is_user => byok_keys::create(&question, body).await,
        (&Method::DELETE, ["byok", id]) if is_user => byok::revoke(&question, id).await,
        (&Method::GET, ["byok", id, "usage"]) if is_user => byok::usage(&question, id).await,
        (&Method::POST, ["byok", id, "share"]) if is_user => byok_keys::rotate_share(&question, id).await,
        (&Method::POST, ["byok", id, "key"]) if is_user => byok_keys::rotate_key(&question, id, body).await,
        (method, _) => Err(Rejection::EndpointNotAllowed { method: method.as_str().chars().take(16).collect() }),
    }
}

/// How often each user may ask, counted in this process.
pub struct Questions {
    limiter: LocalLimiter,
    asked: AtomicU64,
}

impl Questions {
    pub fn new(clock: Clock) -> Self {
        Self { limiter: LocalLimiter::new(clock), asked: AtomicU64::new(0) }
    }

    fn admit(&self, proxy: &ServedProxy, caller: &Caller) -> Result<(), Rejection> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if asked.is_multiple_of(SWEEP_EVERY) {
            self.limiter.sweep((asked / SWEEP_EVERY) as usize);
        }
        let (measure, window, per) = (Measure::Requests, Window::Minute, Per::User);
        let limit = Limit { measure, window, per, model: None, amount: CALLS_PER_MINUTE };
        let app = proxy.app.id;
        let scope = Scope {
            app,
            caller: Some(Tag::of_subject(caller.subject())),
            address: None,
            months: Months { starts_ms: [0; 4] },
            without_counters: proxy.app.policy.without_counters,
        };
        let dimensions = vec![Dimension { limit, place: Place::App, stands_at: app.0, plan: None, asked: 1 }];
        self.limiter.reserve_now(Demand { scope, dimensions }).map(drop).map_err(Rejection::LimitReached)
    }
}
