//! Errors of plain forms travel in the address (`?__path=…&__err=…`), where leptos looks for them on the server and in the
//! browser. Here they get a signature bound to the visitor's session, and addresses without a right one lose them before
//! a page is rendered: nobody can send a link that puts words or filled-in fields on our pages.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, Mac};
use http::header::{COOKIE, LOCATION};
use http::{HeaderMap, HeaderValue, Method};
use keyward_app::context::local_path;
use keyward_app::error::PageError;
use sha2::Sha256;
use url::form_urlencoded;

/// Reverse proxies commonly hold 4 KiB of response header; beyond this, what was typed is not sent back.
const LONGEST_ERROR: usize = 3 * 1024;

#[derive(Clone)]
pub struct ErrorLinks(pub [u8; 32]);

impl ErrorLinks {
    fn mac(&self, session: &str, parts: [&str; 3]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in std::iter::once(session).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }

    /// Signs the error in a plain form's way back, and shortens it if need be.
    pub fn sign(&self, headers: &HeaderMap, response: &mut Response) {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let Some((path, query)) = location.split_once('?') else { return };
        let mut carried = Carried::read(query);
        let Some(error) = carried.error.take() else { return };
        let error = shortened(error);
        let form = carried.form.take().unwrap_or_default();
        let signature = hex::encode(self.mac(session(headers), [path, &form, &error]).finalize().into_bytes());
        let mut query = form_urlencoded::Serializer::new(carried.rest());
        query.append_pair("__path", &form).append_pair("__err", &error).append_pair("__sig", &signature);
        if let Ok(location) = HeaderValue::from_str(&format!("{path}?{}", query.finish())) {
            response.headers_mut().insert(LOCATION, location);
        }
    }

    fn is_ours(&self, headers: &HeaderMap, path: &str, carried: &Carried) -> bool {
        let (Some(form), Some(error), Some(signature)) = (&carried.form, &carried.error, &carried.signature) else {
            return false;
        };
        let Ok(signature) = hex::decode(signature) else { return false };
        self.mac(session(headers), [path, form, error]).verify_slice(&signature).is_ok()
    }
}

/// What a query says of an error, and the rest of it.
#[derive(Default)]
struct Carried {
    form: Option<String>,
    error: Option<String>,
    signature: Option<String>,
    others: Vec<(String, String)>,
}

impl Carried {
    fn read(query: &str) -> Self {
        let mut carried = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "__path" => carried.form = Some(value.into_owned()),
                "__err" => carried.error = Some(value.into_owned()),
                "__sig" => carried.signature = Some(value.into_owned()),
                _ => carried.others.push((name.into_owned(), value.into_owned())),
            }
        }
        carried
    }

    fn rest(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.others).finish()
    }
}

fn shortened(error: String) -> String {
    if error.len() <= LONGEST_ERROR {
        return error;
    }
    let decoded = URL_SAFE.decode(&error).ok().and_then(|json: Vec<u8>| PageError::from_response_body(&json));
    let brief = decoded.unwrap_or(PageError::Internal).keeping([]);
    URL_SAFE.encode(serde_json::to_vec(&brief).unwrap_or_default())
}

/// The session cookie's value, or nothing for a stranger.
fn session(headers: &HeaderMap) -> &str {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| matches!(*name, "keyward" | "__Host-keyward")).map_or("", |(_, value)| value)
}

/// Sends an address whose error is not ours on to the same page without it.
pub async fn check(State(links): State<ErrorLinks>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    if !matches!(*request.method(), Method::GET | Method::HEAD) || !query.contains("__") {
        return next.run(request).await;
    }
    let carried = Carried::read(query);
    let says_something = carried.form.is_some() || carried.error.is_some();
    let path = request.uri().path();
    if !says_something || links.is_ours(request.headers(), path, &carried) {
        return next.run(request).await;
    }
    let rest = carried.rest();
    let clean = if rest.is_empty() { path.to_owned() } else { format!("{path}?{rest}") };
    Redirect::to(local_path(&clean, "/")).into_response()
}
