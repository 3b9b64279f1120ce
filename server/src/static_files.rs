//! Files that the build made: style sheet, script, WebAssembly, icons. What is not among them is the 404 page.

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use leptos::prelude::LeptosOptions;
use tower_http::services::ServeDir;

/// Whether a file's name changes with its content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    Hashed,
    Plain,
}

/// Serves files, and `not_found` for everything else.
pub fn routes(options: &LeptosOptions, not_found: Router) -> Router {
    let files = ServeDir::new(options.site_root.as_ref())
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip()
        .fallback(not_found);
    let naming = if options.hash_files { Naming::Hashed } else { Naming::Plain };
    Router::new().fallback_service(files).layer(from_fn_with_state(naming, set_cache_control))
}

async fn set_cache_control(State(naming): State<Naming>, request: Request, next: Next) -> Response {
    let is_built = request.uri().path().starts_with("/pkg/");
    let mut response = next.run(request).await;
    if response.status().is_success() || response.status() == http::StatusCode::NOT_MODIFIED {
        let value = match (naming, is_built) {
            (Naming::Hashed, true) => "public, max-age=31536000, immutable",
            // Asked again each time; unchanged, it costs a 304.
            (Naming::Plain, true) => "no-cache",
            (Naming::Hashed | Naming::Plain, false) => "public, max-age=3600",
        };
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(value));
    }
    response
}
