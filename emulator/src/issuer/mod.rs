//! The token issuer: publishes keys as Firebase, Supabase, App Check and any OIDC issuer do, and mints tokens on request.

mod claims;
mod keys;
mod ring;
mod tokens;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::ring::KeyRing;
use crate::emulator::Shared;

const DISCOVERY: &str = "/.well-known/openid-configuration";
const GENERIC_KEYS: &str = "/.well-known/jwks.json";
const SUPABASE_DISCOVERY: &str = "/auth/v1/.well-known/openid-configuration";
const SUPABASE_KEYS: &str = "/auth/v1/.well-known/jwks.json";
const FIREBASE_KEYS: &str = "/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com";
const APP_CHECK_KEYS: &str = "/v1/jwks";

const KEYS_CACHE_CONTROL: &str = "public, max-age=300, must-revalidate";

pub fn routes() -> Router<Shared> {
    Router::new()
        .route(DISCOVERY, get(discovery))
        .route(SUPABASE_DISCOVERY, get(supabase_discovery))
        .route(GENERIC_KEYS, get(all_keys))
        .route(SUPABASE_KEYS, get(all_keys))
        .route(FIREBASE_KEYS, get(rsa_keys))
        .route(APP_CHECK_KEYS, get(rsa_keys))
        .route("/token", get(tokens::plain).post(tokens::minted))
        .route("/keys/rotate", post(rotate))
}

/// Whether the path is one that an edge fetches keys from.
pub fn publishes(path: &str) -> bool {
    [DISCOVERY, SUPABASE_DISCOVERY, GENERIC_KEYS, SUPABASE_KEYS, FIREBASE_KEYS, APP_CHECK_KEYS].contains(&path)
}

async fn discovery(State(emulator): State<Shared>) -> Json<Value> {
    Json(document(&emulator.public_url, &format!("{}{GENERIC_KEYS}", emulator.public_url)))
}

async fn supabase_discovery(State(emulator): State<Shared>) -> Json<Value> {
    let url = &emulator.public_url;
    Json(document(&format!("{url}/auth/v1"), &format!("{url}{SUPABASE_KEYS}")))
}

/// <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata>
fn document(issuer: &str, jwks_uri: &str) -> Value {
    json!({
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "response_types_supported": ["code", "id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    })
}

async fn all_keys(State(emulator): State<Shared>) -> Response {
    key_set(&emulator.key_ring.published(|_| true))
}

async fn rsa_keys(State(emulator): State<Shared>) -> Response {
    key_set(&emulator.key_ring.published(|jwk| jwk["kty"] == "RSA"))
}

fn key_set(keys: &[Value]) -> Response {
    ([(header::CACHE_CONTROL, KEYS_CACHE_CONTROL)], Json(json!({"keys": keys}))).into_response()
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rotation {
    /// Whether the present keys stay published beside the new ones.
    keep_previous: bool,
}

async fn rotate(State(emulator): State<Shared>, body: Bytes) -> Response {
    let rotation = match body.is_empty() {
        true => Ok(Rotation::default()),
        false => serde_json::from_slice::<Rotation>(&body),
    };
    let rotation = match rotation {
        Ok(rotation) => rotation,
        Err(error) => return refusal(&error),
    };
    // Two primes take a while.
    let rotated = tokio::task::spawn_blocking(move || {
        emulator.key_ring.rotate(rotation.keep_previous).map(|()| emulator.key_ring.published(|_| true))
    });
    match rotated.await {
        Ok(Ok(keys)) => {
            let kids: Vec<&Value> = keys.iter().map(|jwk| &jwk["kid"]).collect();
            Json(json!({"kids": kids})).into_response()
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "no keys were generated"}))).into_response(),
    }
}

fn refusal(error: &impl ToString) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response()
}
