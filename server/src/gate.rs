//! Which pages need a session, decided before anything is rendered. Server functions ask for themselves.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use keyward_app::context::MEMBER_ID;
use keyward_domain::ids::MemberId;
use tower_sessions::Session;

/// Pages that anyone may see. A page that is not listed needs a session.
pub const PUBLIC_PAGES: [&str; 9] = [
    "/",
    "/sign-up",
    "/sign-in",
    "/verify",
    "/forgot-password",
    "/reset-password",
    "/check-your-mail",
    "/dev/mail",
    "/invitation",
];

/// Of the public pages, those that have nothing for someone who is signed in.
const FOR_STRANGERS: [&str; 3] = ["/", "/sign-up", "/sign-in"];

pub async fn check(page: MatchedPath, session: Session, request: Request, next: Next) -> Response {
    let page = page.as_str();
    let is_public = PUBLIC_PAGES.contains(&page);
    if is_public && !FOR_STRANGERS.contains(&page) {
        return next.run(request).await;
    }
    match session.get::<MemberId>(MEMBER_ID).await {
        Ok(Some(_)) if is_public => Redirect::to("/apps").into_response(),
        Ok(Some(_)) => next.run(request).await,
        Ok(None) if is_public => next.run(request).await,
        Ok(None) => {
            let here: String = url::form_urlencoded::byte_serialize(request.uri().path().as_bytes()).collect();
            Redirect::to(&format!("/sign-in?next={here}")).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a session could not be read");
            (http::StatusCode::SERVICE_UNAVAILABLE, "The dashboard can't reach its database. Try again in a moment.")
                .into_response()
        }
    }
}
