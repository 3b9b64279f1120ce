//! An issuer on a real socket: what it answers can be changed, held back and counted.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use keyward_domain::ids::IssuerId;
use keyward_domain::issuer::{Audiences, ClaimNames, IssuerConfig, OidcDialect};
use keyward_identity::{KeySets, LinkedIssuer, Uptime};
use keyward_outbound::{Guard, Reach};
use tokio::sync::Semaphore;

use crate::signer::{OIDC_ISSUER, Signer, key_set};

#[derive(Clone)]
pub enum Answer {
    Json(String),
    JsonFor { body: String, max_age_secs: u64 },
    Status(StatusCode),
    RedirectTo(&'static str),
}

struct Shared {
    answer: Mutex<Answer>,
    fetches: AtomicUsize,
    elsewhere: AtomicUsize,
    gate: Semaphore,
}

pub struct IssuerServer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    uptime_secs: Arc<AtomicU64>,
}

impl IssuerServer {
    pub async fn start(answer: Answer) -> Self {
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            fetches: AtomicUsize::new(0),
            elsewhere: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        });
        let app = Router::new()
            .route("/jwks", get(serve))
            .route("/.well-known/openid-configuration", get(serve))
            .route("/elsewhere", get(serve_elsewhere))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, shared, uptime_secs: Arc::new(AtomicU64::new(1000)) }
    }

    pub async fn publishing(signers: &[&Signer]) -> Self {
        Self::start(Answer::Json(key_set(signers))).await
    }

    pub fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().expect("no panic") = answer;
    }

    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    pub fn visits_elsewhere(&self) -> usize {
        self.shared.elsewhere.load(Ordering::SeqCst)
    }

    /// Requests arrive and are counted, but wait for their answer.
    pub fn hold_answers(&self) {
        self.shared.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn release_answers(&self) {
        self.shared.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    pub async fn fetches_reach(&self, count: usize) {
        while self.fetches() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Lets time pass for the caches of `key_sets`.
    pub fn pass_secs(&self, secs: u64) {
        self.uptime_secs.fetch_add(secs, Ordering::SeqCst);
    }

    pub fn key_sets(&self) -> KeySets {
        self.key_sets_with(HashMap::new())
    }

    pub fn key_sets_with(&self, overrides: HashMap<String, String>) -> KeySets {
        let uptime = self.uptime_secs.clone();
        let uptime = Uptime::from_fn(move || Duration::from_secs(uptime.load(Ordering::SeqCst)));
        KeySets::with_uptime(Guard::new(Reach::PublicHttpsAndLoopback), overrides, uptime)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// This server as an OpenID Connect issuer with the audience `my-app`.
    pub fn oidc(&self) -> Vec<Arc<LinkedIssuer>> {
        vec![linked(IssuerConfig::Oidc {
            issuer: OIDC_ISSUER.to_owned(),
            audience: Audiences::new(["my-app".to_owned()]),
            jwks_url: self.url("/jwks").parse().expect("a URL"),
            dialect: OidcDialect::Generic,
            claims: ClaimNames::default(),
        })]
    }
}

pub fn linked(config: IssuerConfig) -> Arc<LinkedIssuer> {
    Arc::new(LinkedIssuer { id: IssuerId(uuid::Uuid::from_u128(7)), config, secret: None })
}

async fn serve(State(shared): State<Arc<Shared>>) -> Response {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let _permit = shared.gate.acquire().await.expect("never closed");
    let answer = shared.answer.lock().expect("no panic").clone();
    match answer {
        Answer::Json(body) => body.into_response(),
        Answer::JsonFor { body, max_age_secs } => {
            ([(header::CACHE_CONTROL, format!("public, max-age={max_age_secs}"))], body).into_response()
        }
        Answer::Status(status) => status.into_response(),
        Answer::RedirectTo(target) => (StatusCode::FOUND, [(header::LOCATION, target)]).into_response(),
    }
}

async fn serve_elsewhere(State(shared): State<Arc<Shared>>) -> Response {
    shared.elsewhere.fetch_add(1, Ordering::SeqCst);
    let answer = shared.answer.lock().expect("no panic").clone();
    match answer {
        Answer::Json(body) | Answer::JsonFor { body, .. } => body.into_response(),
        Answer::Status(status) => status.into_response(),
        Answer::RedirectTo(_) => StatusCode::NO_CONTENT.into_response(),
    }
}
