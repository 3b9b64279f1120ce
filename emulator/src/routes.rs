//! All routes in one router, with the reception around them.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse, Response},
};
use http::{Method, StatusCode, Uri};

use crate::{
    anthropic, billing, compatible, control, echo, emulator::Shared, gemini, issuer, native, openai,
    provider::Provider, reception, sockets,
};

pub fn router(emulator: Shared) -> Router {
    Router::new()
        .merge(openai::routes())
        .merge(anthropic::routes())
        .merge(gemini::routes())
        .merge(compatible::routes())
        .merge(native::routes())
        .merge(sockets::routes())
        .merge(echo::routes())
        .merge(billing::routes())
        .merge(issuer::routes())
        .merge(control::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        // The reception has a limit of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(emulator.clone(), reception::receive))
        .with_state(emulator)
}

async fn unknown_path(method: Method, uri: Uri) -> Response {
    refuse(&uri, StatusCode::NOT_FOUND, format!("Unknown request URL: {method} {}.", uri.path()))
}

async fn unknown_method(method: Method, uri: Uri) -> Response {
    refuse(&uri, StatusCode::METHOD_NOT_ALLOWED, format!("Not allowed: {method} {}.", uri.path()))
}

fn refuse(uri: &Uri, status: StatusCode, message: String) -> Response {
    match Provider::of_path(uri.path()) {
        Some(provider) => provider.failure(status, message).into_response(),
        None => (status, message).into_response(),
    }
}
