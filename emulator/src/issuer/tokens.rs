//! `/token`: mints good tokens, and bad ones on purpose.

use aws_lc_rs::hmac;
use axum::{
    Json,
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    claims::{self, Shape, Times},
    keys::Algorithm,
    refusal,
    ring::{KeyRing, SignWith},
};
use crate::emulator::{Emulator, Shared};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenRequest {
    pub shape: Shape,
    /// Absent: ES256 for Supabase, RS256 for the others.
    pub alg: Option<Algorithm>,
    pub sub: String,
    /// Firebase: the project id. App Check: the project number.
    pub project: String,
    pub anonymous: bool,
    /// Negative for a token that is expired.
    pub ttl_secs: i64,
    /// Laid over the shape's claims; `null` removes one.
    pub claims: Map<String, Value>,
    /// Laid over the header; `null` removes a field.
    pub header: Map<String, Value>,
    pub kid: Option<String>,
    pub sign_with: SignWith,
    pub hs256_secret: String,
}

impl Default for TokenRequest {
    fn default() -> Self {
        Self {
            shape: Shape::Generic,
            alg: None,
            sub: "user-1".to_owned(),
            project: "demo-project".to_owned(),
            anonymous: false,
            ttl_secs: 3600,
            claims: Map::new(),
            header: Map::new(),
            kid: None,
            sign_with: SignWith::Current,
            hs256_secret: "emulator-hs256-secret-of-32-bytes-or-more".to_owned(),
        }
    }
}

/// The part of a `TokenRequest` that fits into a query string.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenQuery {
    sub: Option<String>,
    shape: Option<Shape>,
    alg: Option<Algorithm>,
    project: Option<String>,
    ttl_secs: Option<i64>,
    anonymous: Option<bool>,
}

impl From<TokenQuery> for TokenRequest {
    fn from(query: TokenQuery) -> Self {
        let standard = Self::default();
        Self {
            shape: query.shape.unwrap_or(standard.shape),
            alg: query.alg,
            sub: query.sub.unwrap_or(standard.sub),
            project: query.project.unwrap_or(standard.project),
            anonymous: query.anonymous.unwrap_or(standard.anonymous),
            ttl_secs: query.ttl_secs.unwrap_or(standard.ttl_secs),
            ..Self::default()
        }
    }
}

/// `POST /token`
pub async fn minted(State(emulator): State<Shared>, body: Bytes) -> Response {
    let request = match body.is_empty() {
        true => Ok(TokenRequest::default()),
        false => serde_json::from_slice(&body),
    };
    let request = match request {
        Ok(request) => request,
        Err(error) => return refusal(&error),
    };
    match mint(&emulator, &request) {
        Ok(minted) => Json(json!({"token": minted.token, "expires_at": minted.expires_at})).into_response(),
        Err(reason) => refusal(&reason),
    }
}

/// `GET /token`: the bare token, for `$(curl …)`.
pub async fn plain(State(emulator): State<Shared>, Query(query): Query<TokenQuery>) -> Response {
    match mint(&emulator, &TokenRequest::from(query)) {
        Ok(minted) => minted.token.into_response(),
        Err(reason) => refusal(&reason),
    }
}

struct Minted {
    token: String,
    expires_at: i64,
}

fn mint(emulator: &Emulator, request: &TokenRequest) -> Result<Minted, String> {
    let alg = request.alg.unwrap_or(match request.shape {
        Shape::Supabase => Algorithm::Es256,
        Shape::Generic | Shape::Firebase | Shape::AppCheck => Algorithm::Rs256,
    });
    let times = Times::of_ttl(request.ttl_secs);
    let mut claims = claims::standard(request, &emulator.public_url, times);
    claims::overlay(&mut claims, &request.claims);

    let mut header =
        Map::from_iter([("alg".to_owned(), Value::from(alg.to_string())), ("typ".to_owned(), Value::from("JWT"))]);
    if let Some(kid) = request.kid.clone().or_else(|| published_kid(&emulator.key_ring, request.sign_with, alg)) {
        header.insert("kid".to_owned(), Value::from(kid));
    }
    claims::overlay(&mut header, &request.header);

    let encode = |map: Map<String, Value>| BASE64_URL_SAFE_NO_PAD.encode(Value::Object(map).to_string());
    let mut token = format!("{}.{}", encode(header), encode(claims));
    let signature = sign(&emulator.key_ring, request, alg, token.as_bytes())?;
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(Minted { token, expires_at: times.expires_at })
}

/// A token that an unknown key signs still names the current key: it is a forgery, not a rotation.
fn published_kid(key_ring: &KeyRing, sign_with: SignWith, alg: Algorithm) -> Option<String> {
    let generation = match sign_with {
        SignWith::Current | SignWith::UnknownKey => key_ring.current()?,
        SignWith::Previous => key_ring.choose(sign_with)?,
    };
    match alg {
        Algorithm::Rs256 => Some(generation.rsa.kid.clone()),
        Algorithm::Es256 => Some(generation.ec.kid.clone()),
        Algorithm::Hs256 | Algorithm::None => None,
    }
}

fn sign(key_ring: &KeyRing, request: &TokenRequest, alg: Algorithm, message: &[u8]) -> Result<Vec<u8>, String> {
    let chosen = || key_ring.choose(request.sign_with).ok_or("sign_with: there is no such key; rotate first");
    let signature = match alg {
        Algorithm::Rs256 => chosen()?.rsa.sign(message),
        Algorithm::Es256 => chosen()?.ec.sign(message),
        Algorithm::Hs256 => {
            let secret = match request.sign_with {
                SignWith::Current | SignWith::Previous => request.hs256_secret.as_bytes(),
                SignWith::UnknownKey => b"a-secret-that-no-verifier-was-given".as_slice(),
            };
            Ok(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec())
        }
        Algorithm::None => Ok(Vec::new()),
    };
    signature.map_err(|_| "the key cannot sign".to_owned())
}
