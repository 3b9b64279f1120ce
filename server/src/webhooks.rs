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
    Router::new().route("/webhooks/{source}/{app}", post(take)).with_state(control)
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
    // Raw: a signature is over the bytes as they were sent.
    let body: Bytes = to_bytes(body, LONGEST_BODY)
        .await
        .map_err(|_| answer(StatusCode::PAYLOAD_TOO_LARGE, &"the body is longer than 1 MiB, or did not come whole"))?;
    let webhook = Webhook { headers: &parts.headers, body: &body };
    match control.take_webhook((app, source), webhook).await {
        Ok(WebhookTaken::Now) => Ok(answer(StatusCode::OK, &"taken")),
        Ok(WebhookTaken::Before) => Ok(answer(StatusCode::OK, &"taken before")),
        Err(error) => {
            tracing::info!(%app, source = source.name(), %error, "did not take a webhook");
            Err(answer(status(error), &error))
        }
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
