//! An issuer with a key set, and an edge that answers as scripted; one small server on this machine.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::{any, get};
use serde_json::{Value, json};
use url::Url;

#[derive(Clone)]
pub struct StandIn {
    pub url: Url,
    script: Arc<Mutex<Script>>,
}

struct Script {
    issuer_works: bool,
    edge_replies: Vec<(u16, String)>,
    edge_saw: Vec<(String, HeaderMap)>,
}

impl StandIn {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let url = Url::parse(&format!("http://{address}")).expect("a URL");
        let script = Script { issuer_works: true, edge_replies: Vec::new(), edge_saw: Vec::new() };
        let stand_in = Self { url, script: Arc::new(Mutex::new(script)) };
        let router = Router::new()
            .route("/.well-known/jwks.json", get(jwks))
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/edge/{*path}", any(edge))
            .with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand_in
    }

    pub fn issuer(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }

    pub fn break_issuer(&self) {
        self.script.lock().expect("not poisoned").issuer_works = false;
    }

    /// What the edge answers next; the last one stays.
    pub fn edge_answers(&self, replies: &[(u16, Value)]) {
        let replies = replies.iter().map(|(status, body)| (*status, body.to_string())).collect();
        self.script.lock().expect("not poisoned").edge_replies = replies;
    }

    pub fn edge_saw(&self) -> Vec<(String, HeaderMap)> {
        self.script.lock().expect("not poisoned").edge_saw.clone()
    }
}

async fn jwks(State(stand_in): State<StandIn>) -> Result<axum::Json<Value>, StatusCode> {
    if !stand_in.script.lock().expect("not poisoned").issuer_works {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    // The public key of RFC 7517, appendix A.1.
    Ok(axum::Json(json!({"keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }]})))
}

async fn discovery(State(stand_in): State<StandIn>) -> axum::Json<Value> {
    let issuer = stand_in.issuer();
    axum::Json(json!({"issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json")}))
}

async fn edge(State(stand_in): State<StandIn>, uri: Uri, headers: HeaderMap) -> (StatusCode, String) {
    let mut script = stand_in.script.lock().expect("not poisoned");
    script.edge_saw.push((uri.path().to_owned(), headers));
    let (status, body) = match script.edge_replies.len() {
        0 => (200, "{}".to_owned()),
        1 => script.edge_replies[0].clone(),
        _ => script.edge_replies.remove(0),
    };
    (StatusCode::from_u16(status).expect("a status"), body)
}
