//! The session cookie, and when a session ends: idle for twelve hours, or seven days after the sign-in.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use keyward_app::context::SIGNED_IN_AT;
use keyward_app::deployment::Deployment;
use keyward_domain::clock::Clock;
use keyward_store::sessions::PostgresSessionStore;
use time::Duration;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

const IDLE: Duration = Duration::hours(12);
const ABSOLUTE: Duration = Duration::days(7);

pub fn cookie_name(deployment: Deployment) -> &'static str {
    match deployment {
        // The prefix makes browsers insist on Secure, Path=/ and no Domain.
        Deployment::Production => "__Host-keyward",
        Deployment::Development => "keyward",
    }
}

pub fn layer(store: PostgresSessionStore, deployment: Deployment) -> SessionManagerLayer<PostgresSessionStore> {
    SessionManagerLayer::new(store)
        .with_name(cookie_name(deployment))
        .with_secure(deployment == Deployment::Production)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(IDLE))
        // Every request counts as activity.
        .with_always_save(true)
}

pub async fn end_when_old(State(clock): State<Clock>, session: Session, request: Request, next: Next) -> Response {
    // A session that can't be read now is refused where it is needed.
    if let Ok(Some(signed_in_at)) = session.get::<i64>(SIGNED_IN_AT).await
        && clock.now().unix_timestamp() - signed_in_at > ABSOLUTE.whole_seconds()
        && let Err(error) = session.flush().await
    {
        tracing::error!(%error, "an old session could not be ended");
        return axum::response::IntoResponse::into_response(http::StatusCode::SERVICE_UNAVAILABLE);
    }
    next.run(request).await
}
