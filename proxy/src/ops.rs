//! The operator's port: is it alive, is it ready, what does it count. Not for the public.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::metrics::Metrics;

/// Ready from the first configuration on, until the process is asked to stop.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Known>);

#[derive(Default)]
struct Known {
    is_ready: AtomicBool,
    /// Unix seconds; 0 for a configuration that is current.
    stale_since: AtomicI64,
}

impl Readiness {
    pub fn set(&self, ready: bool) {
        self.0.is_ready.store(ready, Ordering::Relaxed);
    }

    /// A stale configuration is served all the same; the operator is told.
    pub fn set_stale_since(&self, since: Option<OffsetDateTime>) {
        self.0.stale_since.store(since.map_or(0, OffsetDateTime::unix_timestamp), Ordering::Relaxed);
    }
}

pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(prometheus_text).with_state(metrics))
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, String) {
    if !readiness.0.is_ready.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready: no configuration read yet, or stopping".to_owned());
    }
    let text = match readiness.0.stale_since.load(Ordering::Relaxed) {
        0 => "ready".to_owned(),
        since => {
            format!("ready, stale: the database can't be asked; the configuration was current at {}", moment(since))
        }
    };
    (StatusCode::OK, text)
}

fn moment(unix_secs: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(unix_secs).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

async fn prometheus_text(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.text())
}
