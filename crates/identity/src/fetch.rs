//! Reads one JSON document of an issuer: guarded, capped in size and time, redirects not followed.
//! Its errors are read by the developer who linked the issuer.

use std::time::Duration;

use keyward_outbound::{ClientTimes, Guard, OutboundError, refusal_in};
use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderMap};
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::jwk::ParseKeySetError;

pub(crate) const TIMES: ClientTimes =
    ClientTimes { connect: Duration::from_secs(3), idle: None, total: Some(Duration::from_secs(5)) };
/// Google's set has 2 KiB, the largest tenants' some 20.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Refused(#[from] OutboundError),
    #[error("{host} did not answer within 5 seconds")]
    TimedOut { host: String },
    #[error("{host} can't be reached over HTTPS; is the address right and its certificate valid?")]
    Unreachable { host: String },
    #[error("{host} answered with status {status} instead of 200; is the address right?")]
    Status { host: String, status: u16 },
    #[error("{host} redirects to another address; use that address (redirects are not followed)")]
    Redirected { host: String },
    #[error("the answer of {host} is larger than 256 KiB")]
    TooLarge { host: String },
    #[error("{host} answered, but with no usable key set: {reason}")]
    KeySet { host: String, reason: ParseKeySetError },
    #[error("{host} answered, but not with an OpenID Connect discovery document (JSON with `issuer` and `jwks_uri`)")]
    NotADiscoveryDocument { host: String },
    #[error("the discovery document is of the issuer {found:?}, not of {asked:?}")]
    OtherIssuer { asked: String, found: String },
    #[error("this issuer signs with a shared secret; it has no key set to fetch")]
    NoKeySet,
    #[error("the fetch was broken off; try again")]
    BrokenOff,
}

/// What an issuer publishes about itself (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// As its tokens spell it in `iss`, a final slash included.
    pub issuer: String,
    pub jwks_url: Url,
}

pub(crate) struct Document {
    pub body: Vec<u8>,
    /// For how long the issuer says it may be kept.
    pub max_age: Option<Duration>,
    pub host: String,
}

pub(crate) async fn document(client: &reqwest::Client, guard: &Guard, url: &str) -> Result<Document, FetchError> {
    let url = guard.parse_url(url)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let request = client.get(url).header(ACCEPT, "application/json");
    let answer = request.send().await.map_err(|error| explain(&host, &error))?;
    let status = answer.status();
    if status.is_redirection() {
        return Err(FetchError::Redirected { host });
    }
    if status != StatusCode::OK {
        return Err(FetchError::Status { host, status: status.as_u16() });
    }
    let max_age = max_age(answer.headers());
    let body = capped_body(answer, &host).await?;
    Ok(Document { body, max_age, host })
}

async fn capped_body(mut answer: Response, host: &str) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| explain(host, &error))? {
        if body.len() + chunk.len() > MAX_DOCUMENT_BYTES {
            return Err(FetchError::TooLarge { host: host.to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn explain(host: &str, error: &reqwest::Error) -> FetchError {
    let host = host.to_owned();
    match refusal_in(error) {
        Some(refusal) => FetchError::Refused(refusal.clone()),
        None if error.is_timeout() => FetchError::TimedOut { host },
        None => FetchError::Unreachable { host },
    }
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let directives = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    let seconds = directives.split(',').find_map(|directive| directive.trim().strip_prefix("max-age="))?;
    seconds.parse().ok().map(Duration::from_secs)
}

#[derive(Deserialize)]
struct RawDiscovery {
    issuer: String,
    jwks_uri: String,
}

/// The document must be of the issuer that was asked for; only a final slash may differ, since the address is the same.
pub(crate) async fn discover(
    client: &reqwest::Client,
    guard: &Guard,
    issuer_url: &str,
) -> Result<Discovery, FetchError> {
    let asked = issuer_url.trim();
    let bare = asked.trim_end_matches('/');
    let document = document(client, guard, &format!("{bare}/.well-known/openid-configuration")).await?;
    let raw: RawDiscovery = serde_json::from_slice(&document.body)
        .map_err(|_| FetchError::NotADiscoveryDocument { host: document.host })?;
    if raw.issuer.trim_end_matches('/') != bare {
        return Err(FetchError::OtherIssuer { asked: asked.to_owned(), found: raw.issuer });
    }
    let jwks_url = guard.parse_url(&raw.jwks_uri)?;
    Ok(Discovery { issuer: raw.issuer, jwks_url })
}
