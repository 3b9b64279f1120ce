//! Which web origins may read answers. A call without an Origin (a mobile app, a server) is no matter of CORS.

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use keyward_domain::rejection::Rejection;
use keyward_domain::validate::matches_origin;

use crate::snapshot::ServedProxy;

/// What a page may read beside the fields of the provider's that pass: an error's id, when to come again, what is left.
const EXPOSED: &str = "x-request-id, request-id, retry-after, retry-after-ms, x-should-retry, ratelimit, ratelimit-policy, \
                       content-disposition, etag";
/// Of the edge's own endpoints, which have no rules.
const OWN_METHODS: &str = "GET, POST, DELETE";
/// Chrome's ceiling.
const PREFLIGHT_CACHED_SECS: &str = "7200";
const MAX_ASKED_HEADERS_BYTES: usize = 2_048;

/// The origin that was allowed, to be named in the answer, and what it may read; `None` where no browser asked.
#[derive(Clone, Default)]
pub struct Cors(Option<Allowed>);

#[derive(Clone)]
struct Allowed {
    origin: HeaderValue,
    exposed: HeaderValue,
}

pub fn check(proxy: &ServedProxy, headers: &HeaderMap) -> Result<Cors, Rejection> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Ok(Cors(None)) };
    let text = origin.to_str().unwrap_or_default();
    let is_listed = proxy.allowed_origins.iter().any(|allowed| matches_origin(allowed, text));
    if is_listed && origins.next().is_none() {
        Ok(Cors(Some(Allowed { origin: origin.clone(), exposed: exposed(proxy) })))
    } else {
        Err(Rejection::OriginNotAllowed)
    }
}

fn exposed(proxy: &ServedProxy) -> HeaderValue {
    let of_provider = proxy.provider.response_headers.iter().map(String::as_str);
    let names = [EXPOSED].into_iter().chain(of_provider).collect::<Vec<_>>().join(", ");
    HeaderValue::try_from(names).unwrap_or(HeaderValue::from_static(EXPOSED))
}

/// The answer's headers when this is a browser's question whether it may ask.
pub fn preflight(cors: &Cors, proxy: &ServedProxy, head: &Parts) -> Option<HeaderMap> {
    cors.0.as_ref()?;
    let asked = head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    asked.then_some(())?;
    let mut headers = HeaderMap::new();
    let is_own = head.uri.path().split('/').nth(2) == Some("_keyward");
    let methods = if is_own { OWN_METHODS.to_owned() } else { proxy.own.rules.methods().join(", ") };
    let methods = HeaderValue::try_from(methods).ok()?;
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_CACHED_SECS));
    // What the page may send is not what travels on: that is decided by the request's own allow-list.
    if let Some(names) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|names| is_name_list(names)) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    headers.append(VARY, HeaderValue::from_static("access-control-request-method, access-control-request-headers"));
    Some(headers)
}

fn is_name_list(names: &HeaderValue) -> bool {
    let fits = |b: &u8| b.is_ascii_alphanumeric() || b"-_, ".contains(b);
    names.len() <= MAX_ASKED_HEADERS_BYTES && names.as_bytes().iter().all(fits)
}

impl Cors {
    /// On every answer, errors included. Never with credentials: the token is not the browser's to add.
    pub fn add_to(&self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Some(Allowed { origin, exposed }) = &self.0 {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }
}
