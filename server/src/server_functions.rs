//! Calls of server functions: from our pages' scripts, and from plain forms.
//!
//! Adds what leptos leaves out: the status that fits the error, and for forms the way back, which is in `?from=`
//! because our pages send no `Referer`.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, LOCATION, REFERER};
use http::{HeaderValue, StatusCode};
use keyward_app::context::local_path;
use keyward_app::error::PageError;
use url::Url;

use crate::error_links::ErrorLinks;

/// The header by which leptos marks an answer that is an error.
const ERROR_HEADER: &str = "serverfnerror";
/// An error is a field name and a sentence, and perhaps the text of a long form.
const LONGEST_ERROR: usize = 512 * 1024;

/// The longest form is a proxy's list of endpoints.
pub const LONGEST_BODY: usize = 256 * 1024;

/// What a call needs of the dashboard beside the context of its function.
#[derive(Clone)]
pub struct Surroundings {
    pub own_url: Url,
    pub error_links: ErrorLinks,
}

pub async fn call(context: impl Fn() + Clone + Send + 'static, around: Surroundings, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // Read here, because leptos would report a body that breaks off as an error of ours.
    let Ok(body) = to_bytes(body, LONGEST_BODY).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "The form is too long.").into_response();
    };
    let mut request = Request::from_parts(parts, Body::from(body));
    let is_plain_form = accepts_html(&request);
    set_way_back(&mut request, &around.own_url);
    let headers = request.headers().clone();
    let mut response = leptos_axum::handle_server_fns_with_context(context, request).await.into_response();
    if is_plain_form {
        keep_redirect_local(&mut response, &around.own_url);
        around.error_links.sign(&headers, &mut response);
        response
    } else {
        with_fitting_status(response).await
    }
}

fn accepts_html(request: &Request) -> bool {
    request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

/// leptos sends a plain form back to its `Referer`; what the client sent as one is not looked at.
fn set_way_back(request: &mut Request, own_url: &Url) {
    let from = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "from")
        .map(|(_, path)| path.into_owned())
        .unwrap_or_default();
    let way_back = own_url.join(local_path(&from, "/")).ok().and_then(|url| HeaderValue::from_str(url.as_str()).ok());
    match way_back {
        Some(way_back) => drop(request.headers_mut().insert(REFERER, way_back)),
        None => drop(request.headers_mut().remove(REFERER)),
    }
}

/// The browser may have reached us under another name than the configured one.
fn keep_redirect_local(response: &mut Response, own_url: &Url) {
    let own_origin = own_url.origin().ascii_serialization();
    let local = response
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|location| location.strip_prefix(&own_origin))
        // What is left of a query from which an earlier error was taken.
        .map(|path| path.strip_suffix('?').unwrap_or(path))
        .and_then(|path| HeaderValue::from_str(local_path(path, "/")).ok());
    if let Some(path) = local {
        response.headers_mut().insert(LOCATION, path);
    }
    if response.status() == StatusCode::FOUND {
        // The form was posted; the page is fetched.
        *response.status_mut() = StatusCode::SEE_OTHER;
    }
}

async fn with_fitting_status(response: Response) -> Response {
    if !response.headers().contains_key(ERROR_HEADER) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LONGEST_ERROR).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let status = PageError::from_response_body(&body).and_then(|error| StatusCode::from_u16(error.status()).ok());
    parts.status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Response::from_parts(parts, Body::from(body))
}
