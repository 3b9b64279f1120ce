//! Everything the dashboard answers, from the outermost check to the page.

use std::pin::Pin;
use std::sync::LazyLock;

use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Router, response::Response};
use http::header::CONTENT_SECURITY_POLICY;
use http::{StatusCode, Uri};
use keyward_app::context::local_path;
use keyward_app::deployment::Deployment;
use keyward_app::{App, shell};
use keyward_control::Control;
use keyward_domain::clock::Clock;
use keyward_store::Store;
use keyward_store::sessions::PostgresSessionStore;
use leptos::prelude::{LeptosOptions, provide_context, use_context, use_nonce};
use leptos_axum::{AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use url::Url;

use crate::address::TrustedProxies;
use crate::csrf::OwnOrigin;
use crate::error_links::ErrorLinks;
use crate::server_functions::Surroundings;
use crate::{address, csrf, error_links, gate, headers, server_functions, sessions, static_files, webhooks};

/// What the dashboard is made of.
#[derive(Clone)]
pub struct Dashboard {
    pub control: Control,
    pub store: Store,
    pub clock: Clock,
    pub deployment: Deployment,
    pub dashboard_url: Url,
    pub trusted_proxies: TrustedProxies,
    pub leptos: LeptosOptions,
    pub error_links: ErrorLinks,
    /// Stripe's, where developers pay; each with a blank before it.
    pub payment_pages: String,
}

impl Dashboard {
    /// What pages and server functions find in their context. The nonce is there for pages only.
    fn provide(&self) {
        provide_context(self.control.clone());
        provide_context(self.clock.clone());
        provide_context(self.deployment);
        if let (Some(nonce), Some(options)) = (use_nonce(), use_context::<ResponseOptions>())
            && let Ok(policy) = headers::page_policy(&nonce, &self.payment_pages).parse()
        {
            options.insert_header(CONTENT_SECURITY_POLICY, policy);
        }
    }
}

/// From the outside in: headers, panics, sizes, other sites' requests, the visitor's address, the session, the page.
pub fn router(dashboard: &Dashboard) -> Router {
    let own_origin = OwnOrigin(dashboard.dashboard_url.origin().ascii_serialization());
    let session_store = PostgresSessionStore::new(dashboard.store.clone(), dashboard.clock.clone());
    let with_session = pages(dashboard)
        .merge(functions(dashboard))
        .layer(from_fn_with_state(dashboard.clock.clone(), sessions::end_when_old))
        .layer(sessions::layer(session_store, dashboard.deployment));
    with_session
        .merge(health(dashboard.store.clone()))
        .fallback_service(static_files::routes(&dashboard.leptos, not_found(dashboard)))
        .layer(from_fn_with_state(dashboard.trusted_proxies.clone(), address::find))
        .layer(from_fn_with_state(dashboard.error_links.clone(), error_links::check))
        .layer(from_fn_with_state(own_origin, csrf::check))
        .layer(RequestBodyLimitLayer::new(server_functions::LONGEST_BODY))
        // Sellers send no cookie and come from no page: who they are, their signature says.
        .merge(webhooks::routes(dashboard.control.clone()))
        // The build compresses the large files once and well; what is left is small or changes with every request.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(dashboard.deployment, headers::add))
        .layer(from_fn(log))
}

type Rendered = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A page, rendered whole.
fn page(dashboard: &Dashboard) -> impl Fn(Request) -> Rendered + Clone + Send + 'static {
    let options = dashboard.leptos.clone();
    let context = dashboard.clone();
    leptos_axum::render_app_async_with_context(move || context.provide(), move || shell(options.clone()))
}

/// Every page there is. Listed once in a process: while leptos lists them, a page that is being rendered at the same
/// time never gets its data.
pub static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));

fn pages(dashboard: &Dashboard) -> Router {
    let page = page(dashboard);
    let handler = move |request: Request| page(request);
    Router::<LeptosOptions>::new()
        .leptos_routes_with_handler(PAGES.clone(), handler)
        .route_layer(from_fn(gate::check))
        .with_state(dashboard.leptos.clone())
}

fn not_found(dashboard: &Dashboard) -> Router {
    let page = page(dashboard);
    Router::new().fallback(move |request: Request| match without_trailing_slash(request.uri()) {
        Some(path) => Box::pin(async move { Redirect::permanent(&path).into_response() }) as Rendered,
        None => page(request),
    })
}

/// The same page by the address that the session gate knows.
fn without_trailing_slash(uri: &Uri) -> Option<String> {
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty())?;
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    Some(local_path(&target, "/").to_owned())
}

fn functions(dashboard: &Dashboard) -> Router {
    let mut router = Router::new();
    for (path, _) in leptos::server_fn::axum::server_fn_paths() {
        let dashboard = dashboard.clone();
        let around =
            Surroundings { own_url: dashboard.dashboard_url.clone(), error_links: dashboard.error_links.clone() };
        let context = move || dashboard.provide();
        let call = move |request: Request| server_functions::call(context.clone(), around.clone(), request);
        router = router.route(path, post(call));
    }
    router
}

/// For the machine that watches us: up, and able to reach the database.
fn health(store: Store) -> Router {
    let check = move || {
        let store = store.clone();
        async move {
            match store.ping().await {
                Ok(()) => (StatusCode::OK, "ok\n").into_response(),
                Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database can't be reached\n").into_response(),
            }
        }
    };
    Router::new().route("/healthz", get(check))
}

/// One line a request. Not the query: it can hold the token of a link.
async fn log(request: Request, next: axum::middleware::Next) -> Response {
    let started = std::time::Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let duration_ms = started.elapsed().as_millis();
    tracing::info!(%method, path, status = response.status().as_u16(), duration_ms, "answered");
    response
}
