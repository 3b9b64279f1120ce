//! Which web origins may read answers. A call without an Origin (a mobile app, a server) is no matter of CORS.

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use keyward_domain::rejection::Rejection;

use crate::snapshot::ServedProxy;

const EXPOSED: &str = "x-request-id, request-id, retry-after, ratelimit, ratelimit-policy, content-disposition, \
                       openai-processing-ms, openai-version";
/// Chrome's ceiling.
const PREFLIGHT_CACHED_SECS: &str = "7200";
const MAX_ASKED_HEADERS_BYTES: usize = 2_048;

/// The origin that was allowed, to be named in the answer; `None` where no browser asked.
#[derive(Clone, Default)]
pub struct Cors(Option<HeaderValue>);

pub fn check(proxy: &ServedProxy, headers: &HeaderMap) -> Result<Cors, Rejection> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(Cors(None)) };
    let is_listed = |allowed: &String| allowed.as_bytes() == origin.as_bytes();
    if proxy.allowed_origins.iter().any(is_listed) {
        Ok(Cors(Some(origin.clone())))
    } else {
        Err(Rejection::OriginNotAllowed)
    }
}

/// The answer's headers when this is a browser's question whether it may ask.
pub fn preflight(cors: &Cors, proxy: &ServedProxy, head: &Parts) -> Option<HeaderMap> {
    cors.0.as_ref()?;
    let asked = head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    asked.then_some(())?;
    let mut headers = HeaderMap::new();
    let methods = HeaderValue::try_from(proxy.rules.methods().join(", ")).ok()?;
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
        if let Some(origin) = &self.0 {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}
