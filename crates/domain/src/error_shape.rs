//! A rejection in the provider's own error shape, so that official SDKs raise their typed errors.
//! Shapes: platform.openai.com/docs/guides/error-codes, docs.claude.com/en/api/errors, google.aip.dev/193.

mod native;

use serde_json::{Value, json};

use crate::provider::ErrorShape;
use crate::rejection::Rejection;

/// Every code is a heading of this page.
pub const ERROR_DOCS_URL: &str = "https://keyward.dev/docs/errors";

pub fn docs_link(rejection: &Rejection) -> String {
    format!("{ERROR_DOCS_URL}#{}", rejection.code())
}

/// What every shape says somewhere.
#[derive(Clone, Copy)]
struct Said<'a> {
    status: u16,
    code: &'static str,
    message: &'a str,
    request_id: &'a str,
    doc_url: &'a str,
}

/// What the developer says to a user whose plan does not reach so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer<'a> {
    /// Empty for nothing.
    pub message: &'a str,
    pub upgrade_url: Option<&'a str>,
}

pub fn body(shape: ErrorShape, rejection: &Rejection, request_id: &str) -> Value {
    body_offering(shape, rejection, request_id, Offer::default())
}

/// The same; the offer's message follows the reason, and its link stands in `upgrade_url`.
pub fn body_offering(shape: ErrorShape, rejection: &Rejection, request_id: &str, offer: Offer<'_>) -> Value {
    let reason = rejection.message();
    let message = if offer.message.is_empty() { reason } else { format!("{reason} {}", offer.message) };
    let mut body = plainly(shape, rejection, (&message, request_id));
    if let Some(url) = offer.upgrade_url {
        // Google has a place of its own for what it does not know.
        let places = ["/error/details/0/metadata", "/error", ""];
        let place = places.into_iter().find(|place| body.pointer(place).is_some_and(Value::is_object));
        if let Some(Value::Object(members)) = place.and_then(|place| body.pointer_mut(place)) {
            members.insert("upgrade_url".to_owned(), url.into());
        }
    }
    body
}

fn plainly(shape: ErrorShape, rejection: &Rejection, (message, request_id): (&str, &str)) -> Value {
    let doc_url = docs_link(rejection);
    let (status, code) = (rejection.status(), rejection.code());
    let said = Said { status, code, message, request_id, doc_url: &doc_url };
    match shape {
        ErrorShape::OpenAi => open_ai(said),
        ErrorShape::Anthropic => anthropic(said),
        ErrorShape::Google => google(said),
        ErrorShape::Plain => plain(said),
        ErrorShape::Brave => native::brave(said),
        ErrorShape::Cloudflare => native::cloudflare(said),
        ErrorShape::DeepL => native::deepl(said),
        ErrorShape::Deepgram => native::deepgram(said),
        ErrorShape::ElevenLabs => native::elevenlabs(said),
        ErrorShape::Fal => native::fal(said),
        ErrorShape::Mistral => native::mistral(said),
        ErrorShape::OpenMeteo => native::open_meteo(said),
        ErrorShape::OpenRouter => native::openrouter(said),
        ErrorShape::Replicate => native::replicate(said),
        ErrorShape::Stability => native::stability(said),
        ErrorShape::XAi => native::xai(said),
    }
}

fn open_ai(said: Said<'_>) -> Value {
    json!({"error": {
        "message": said.message,
        "type": openai_type(said.status),
        "param": null,
        "code": said.code,
        "request_id": said.request_id,
        "doc_url": said.doc_url,
    }})
}

fn anthropic(said: Said<'_>) -> Value {
    let kind = anthropic_type(said.status);
    json!({
        "type": "error",
        "error": {"type": kind, "message": said.message, "code": said.code, "doc_url": said.doc_url},
        "request_id": said.request_id,
    })
}

fn google(said: Said<'_>) -> Value {
    json!({"error": {
        "code": said.status,
        "message": said.message,
        "status": google_status(said.status),
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": said.code.to_ascii_uppercase(),
            "domain": "keyward.dev",
            "metadata": {"requestId": said.request_id, "docUrl": said.doc_url},
        }],
    }})
}

fn plain(said: Said<'_>) -> Value {
    json!({"error": {
        "code": said.code,
        "message": said.message,
        "request_id": said.request_id,
        "doc_url": said.doc_url,
    }})
}

/// The stable code in an error of ours, in whichever shape: it ends the link to the documentation.
pub fn code_in(body: &Value) -> Option<&str> {
    match body {
        Value::String(text) => text.strip_prefix(ERROR_DOCS_URL)?.strip_prefix('#'),
        Value::Array(items) => items.iter().find_map(code_in),
        Value::Object(members) => members.values().find_map(code_in),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The same as an event, for a stream that breaks off after its head was sent.
pub fn event(shape: ErrorShape, rejection: &Rejection, request_id: &str) -> String {
    let body = body(shape, rejection, request_id);
    match shape {
        ErrorShape::OpenAi
        | ErrorShape::Google
        | ErrorShape::Cloudflare
        | ErrorShape::Mistral
        | ErrorShape::OpenRouter
        | ErrorShape::XAi => format!("data: {body}\n\n"),
        ErrorShape::Anthropic
        | ErrorShape::Plain
        | ErrorShape::Brave
        | ErrorShape::DeepL
        | ErrorShape::Deepgram
        | ErrorShape::ElevenLabs
        | ErrorShape::Fal
        | ErrorShape::OpenMeteo
        | ErrorShape::Replicate
        | ErrorShape::Stability => format!("event: error\ndata: {body}\n\n"),
    }
}

fn openai_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        504 => "DEADLINE_EXCEEDED",
        502 | 503 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_the_providers_own() {
        let no = Rejection::TokenMissing;
        let openai = body(ErrorShape::OpenAi, &no, "r1");
        assert_eq!(openai["error"]["type"], "authentication_error");
        assert_eq!(openai["error"]["code"], "token_missing");
        let anthropic = body(ErrorShape::Anthropic, &no, "r1");
        assert_eq!((&anthropic["type"], &anthropic["request_id"]), (&json!("error"), &json!("r1")));
        assert_eq!(anthropic["error"]["type"], "authentication_error");
        let google = body(ErrorShape::Google, &no, "r1");
        assert_eq!((&google["error"]["code"], &google["error"]["status"]), (&json!(401), &json!("UNAUTHENTICATED")));
        assert_eq!(google["error"]["details"][0]["reason"], "TOKEN_MISSING");
        assert_eq!(body(ErrorShape::Plain, &no, "r1")["error"]["request_id"], "r1");
    }

    #[test]
    fn every_shape_has_our_code_the_request_and_the_link_to_the_documentation() {
        for shape in ErrorShape::ALL {
            let body = body(shape, &Rejection::UpstreamAuthFailed, "r-1");
            assert_eq!(code_in(&body), Some("upstream_auth_failed"), "{shape:?}: {body}");
            let text = body.to_string();
            assert!(text.contains("\"r-1\"") && text.contains("https://keyward.dev/docs/errors#"), "{shape:?}: {text}");
            assert!(text.contains(&Rejection::UpstreamAuthFailed.message()), "{shape:?}: {text}");
            let event = event(shape, &Rejection::UpstreamAuthFailed, "r-1");
            assert!(event.contains("data: {") && event.ends_with("}\n\n"), "{shape:?}: {event}");
        }
    }
}
