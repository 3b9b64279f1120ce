//! What happens to every request around its route: it is recorded, its credentials are checked, faults are played.
//! Routes see only admitted requests with a complete body.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, request::Parts};

use crate::{
    billing, credentials,
    emulator::{Emulator, Shared},
    fault_body, ids, issuer,
    provider::Provider,
    witness::Unread,
};

const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

pub async fn receive(State(emulator): State<Shared>, request: Request, next: Next) -> Response {
    let Some(provider) = Provider::of_path(request.uri().path()) else {
        return outside_providers(&emulator, request, next).await;
    };
    let (parts, body) = request.into_parts();
    let method = parts.method.clone();
    let witness = emulator.seen.open(&parts);
    let body = match witness.read(body, MAX_BODY_BYTES).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            let failure = provider.failure(StatusCode::PAYLOAD_TOO_LARGE, "The request body is larger than 256 MiB.");
            return witness.follow(&method, failure.into_response());
        }
        // The client is gone, nobody reads this; dropping the witness records the abort.
        Err(Unread::Broken) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let response = match credentials::check(provider, &parts, emulator.key_of(&parts)) {
        Ok(()) => answer(&emulator, provider, parts, body, next).await,
        Err(failure) => failure.into_response(),
    };
    witness.follow(&method, response)
}

async fn answer(emulator: &Emulator, provider: Provider, parts: Parts, body: Bytes, next: Next) -> Response {
    let key = emulator.key_of(&parts).to_owned();
    let fault = emulator.faults.take((&parts.method, parts.uri.path()), &body, &key);
    let Some(fault) = fault else {
        let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
        dress(provider, &mut response);
        return response;
    };
    tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    let mut response = match fault.scripted_answer(provider, &key) {
        Some(response) => response,
        None => next.run(Request::from_parts(parts, Body::from(body))).await,
    };
    dress(provider, &mut response);
    fault.set_headers(&mut response);
    fault_body::shape(&fault, response)
}

/// Faults also apply to the published keys and to sellers, so that "the issuer is down" can be played.
async fn outside_providers(emulator: &Emulator, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if issuer::publishes(path) {
        emulator.key_ring.count_fetch(path);
    } else if !billing::sells(path) {
        return next.run(request).await;
    }
    let Some(fault) = emulator.faults.take((request.method(), path), &Bytes::new(), "") else {
        return next.run(request).await;
    };
    tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    let mut response = match fault.scripted_answer(Provider::Echo, "") {
        Some(response) => response,
        None => next.run(request).await,
    };
    fault.set_headers(&mut response);
    fault_body::shape(&fault, response)
}

/// The fields that the real provider sends too, among them some that must not reach an app: cookies, organizations.
fn dress(provider: Provider, response: &mut Response) {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    let request_id = match provider {
        Provider::OpenAi => {
            set("openai-version", "2020-10-01");
            set("openai-organization", "org-emulator");
            set("openai-project", "proj_emulator");
            set("openai-processing-ms", "1");
            set("x-ratelimit-limit-requests", "10000");
            set("x-ratelimit-remaining-requests", "9999");
            set("set-cookie", "__cf_bm=emulator; path=/; HttpOnly; Secure");
            "x-request-id"
        }
        Provider::Anthropic => {
            set("anthropic-organization-id", "00000000-0000-0000-0000-000000000000");
            set("anthropic-ratelimit-requests-limit", "10000");
            set("anthropic-ratelimit-requests-remaining", "9999");
            set("set-cookie", "__cf_bm=emulator; path=/; HttpOnly; Secure");
            "request-id"
        }
        Provider::Gemini => {
            set("server", "scaffolding on HTTPServer2");
            set("x-content-type-options", "nosniff");
            return;
        }
        Provider::Compatible(_) => {
            set("x-ratelimit-remaining-requests", "9999");
            set("set-cookie", "__cf_bm=emulator; path=/; HttpOnly; Secure");
            set("access-control-allow-origin", "*");
            "x-request-id"
        }
        Provider::Native(_) => {
            set("x-account-id", "account-emulator");
            set("set-cookie", "session=emulator; path=/; HttpOnly");
            "x-request-id"
        }
        Provider::Echo => {
            set("access-control-allow-origin", "https://upstream.invalid");
            set("set-cookie", "upstream_session=emulator; path=/; HttpOnly");
            "x-request-id"
        }
    };
    if let Ok(value) = HeaderValue::from_str(&ids::id("req_")) {
        headers.insert(HeaderName::from_static(request_id), value);
    }
}
