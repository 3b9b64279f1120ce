//! Refuses requests that another site made a browser send. Server functions have no such check of their own.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::ORIGIN;
use http::{HeaderMap, Method, StatusCode};

/// `https://dashboard.example.com`: from the configuration, never from the Host header.
#[derive(Clone, Debug)]
pub struct OwnOrigin(pub String);

const REFUSAL: &str = "This request was refused because it does not come from a page of this dashboard. \
    Open the dashboard at its own address and try again. If that is where you are, KEYWARD_DASHBOARD_URL \
    names another address.";

/// Whether the browser says the request comes from our own pages.
///
/// `Sec-Fetch-Site` decides where it is sent. A form on a page with `Referrer-Policy: no-referrer` sends `Origin: null`,
/// so `Origin` is asked only where `Sec-Fetch-Site` is missing.
pub fn is_ours(method: &Method, headers: &HeaderMap, own: &OwnOrigin) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    match headers.get("sec-fetch-site") {
        Some(site) => matches!(site.as_bytes(), b"same-origin" | b"none"),
        None => headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes() == own.0.as_bytes()),
    }
}

pub async fn check(State(own): State<OwnOrigin>, request: Request, next: Next) -> Response {
    if is_ours(request.method(), request.headers(), &own) {
        next.run(request).await
    } else {
        tracing::info!(path = request.uri().path(), "refused a request from another site");
        (StatusCode::FORBIDDEN, REFUSAL).into_response()
    }
}
