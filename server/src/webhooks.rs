//! Where sellers send their webhooks. Answered with 200 only when the event is written down; anything else makes them send it
//! again. Must not know what an event means, nor log a header or a body.

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::routing::post;
use http::StatusCode;
use keyward_control::{Control, WebhookError, WebhookTaken};
use keyward_domain::ids::AppId;
use keyward_domain::plans::PurchaseSource;
use keyward_payments::Webhook;

/// Sellers' events are a few kilobytes; some hold a whole invoice.
const LONGEST_BODY: usize = 1 << 20;

pub fn routes(control: Control) -> Router {
    Router::new()
        .route("/webhooks/{source}/{app}", post(take))
        .route("/webhooks/billing", post(take_own))
        .with_state(control)
}

type Answer = (StatusCode, String);

async fn take(
    State(control): State<Control>,
    Path((source, app)): Path<(String, String)>,
    request: Request,
) -> Result<Answer, Answer> {
    let (Some(source), Ok(app)) = (PurchaseSource::named(&source), app.parse::<AppId>()) else {
        return Err(answer(StatusCode::NOT_FOUND, &WebhookError::NotConnected));
    };
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    let webhook = Webhook { headers: &parts.headers, body: &body };
    told(control.take_webhook((app, source), webhook).await).inspect_err(|(_, error)| {
        tracing::info!(%app, source = source.name(), error = error.trim(), "did not take a webhook");
    })
}

/// Of our own account at Stripe.
async fn take_own(State(control): State<Control>, request: Request) -> Result<Answer, Answer> {
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    told(control.take_billing_webhook(Webhook { headers: &parts.headers, body: &body }).await).inspect_err(
        |(_, error)| {
            tracing::info!(error = error.trim(), "did not take a webhook of our own account");
        },
    )
}

/// Raw: a signature is over the bytes as they were sent.
async fn whole(body: axum::body::Body) -> Result<Bytes, Answer> {
    const WRONG: &str = "the body is longer than 1 MiB, or did not come whole";
    to_bytes(body, LONGEST_BODY).await.map_err(|_| answer(StatusCode::PAYLOAD_TOO_LARGE, &WRONG))
}

fn told(taken: Result<WebhookTaken, WebhookError>) -> Result<Answer, Answer> {
    match taken {
        Ok(WebhookTaken::Now) => Ok(answer(StatusCode::OK, &"taken")),
        Ok(WebhookTaken::Before) => Ok(answer(StatusCode::OK, &"taken before")),
        Err(error) => Err(answer(status(error), &error)),
    }
}

fn status(error: WebhookError) -> StatusCode {
    match error {
        WebhookError::NotConnected => StatusCode::NOT_FOUND,
        WebhookError::Refused(_) => StatusCode::BAD_REQUEST,
        WebhookError::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn answer(status: StatusCode, text: &dyn std::fmt::Display) -> Answer {
    (status, format!("{text}\n"))
}
