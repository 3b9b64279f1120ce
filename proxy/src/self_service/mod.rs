//! What the edge itself answers to an app's users, below `/{slug}/_keyward/`: with their own token, about themselves only.
//! No provider is called, and no usage event is written.

mod usage;

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use keyward_domain::calendar::Months;
use keyward_domain::client_address::ClientAddress;
use keyward_domain::clock::Clock;
use keyward_domain::limits::names::subject_tag;
use keyward_domain::limits::quota::Place;
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::path::RequestPath;
use keyward_domain::rejection::Rejection;
use serde_json::Value;

use crate::edge::Edge;
use crate::limiter::{Demand, Dimension, LocalLimiter};
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Caller;

/// Below this, no path is the provider's.
const FIRST_SEGMENT: &str = "_keyward";
const CALLS_PER_MINUTE: u64 = 60;
const SWEEP_EVERY: u64 = 64;

/// One user's question.
pub struct Question<'a> {
    pub edge: &'a Edge,
    pub proxy: &'a ServedProxy,
    pub caller: &'a Caller,
    pub address: ClientAddress,
    pub method: &'a Method,
    pub path: &'a RequestPath,
}

pub struct OwnReply {
    pub status: StatusCode,
    pub content: Value,
}

impl OwnReply {
    pub fn into_parts(self) -> (StatusCode, HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        (self.status, headers, self.content.to_string().into())
    }
}

pub fn is_addressed(path: &RequestPath) -> bool {
    path.segments().first().is_some_and(|first| first == FIRST_SEGMENT)
}

pub async fn answer(question: Question<'_>) -> Result<OwnReply, Rejection> {
    question.edge.questions.admit(question.proxy, question.caller)?;
    let rest: Vec<&str> = question.path.segments().iter().skip(1).map(String::as_str).collect();
    match (question.method, rest.as_slice()) {
        (&Method::GET, ["usage"]) => usage::answer(&question).await,
        _ => Err(Rejection::EndpointNotAllowed { method: question.method.as_str().chars().take(16).collect() }),
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
        let name = subject_tag(caller.subject());
        let demand = Demand {
            app: proxy.app.id,
            dimensions: vec![Dimension { name, limit, place: Place::App, plan: None, asked: 1 }],
            months: Months { starts_ms: [0; 4] },
            without_counters: proxy.app.policy.without_counters,
        };
        self.limiter.reserve_now(demand).map(drop).map_err(Rejection::LimitReached)
    }
}
