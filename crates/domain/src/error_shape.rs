//! A rejection in the provider's own error shape, so that official SDKs raise their typed errors.
//! Shapes: platform.openai.com/docs/guides/error-codes, docs.claude.com/en/api/errors, google.aip.dev/193.

use serde_json::{Value, json};

use crate::provider::ErrorShape;
use crate::rejection::Rejection;

/// Every code is a heading of this page.
pub const ERROR_DOCS_URL: &str = "https://keyward.dev/docs/errors";

pub fn docs_link(rejection: &Rejection) -> String {
    format!("{ERROR_DOCS_URL}#{}", rejection.code())
}

pub fn body(shape: ErrorShape, rejection: &Rejection, request_id: &str) -> Value {
    let (code, message, doc_url) = (rejection.code(), rejection.message(), docs_link(rejection));
    match shape {
        ErrorShape::OpenAi => json!({"error": {
            "message": message,
            "type": openai_type(rejection.status()),
            "param": null,
            "code": code,
            "request_id": request_id,
            "doc_url": doc_url,
        }}),
        ErrorShape::Anthropic => json!({
            "type": "error",
            "error": {
                "type": anthropic_type(rejection.status()),
                "message": message,
                "code": code,
                "doc_url": doc_url,
            },
            "request_id": request_id,
        }),
        ErrorShape::Google => json!({"error": {
            "code": rejection.status(),
            "message": message,
            "status": google_status(rejection.status()),
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": code.to_ascii_uppercase(),
                "domain": "keyward.dev",
                "metadata": {"requestId": request_id, "docUrl": doc_url},
            }],
        }}),
        ErrorShape::Plain => json!({"error": {
            "code": code,
            "message": message,
            "request_id": request_id,
            "doc_url": doc_url,
        }}),
    }
}

/// The same as an event, for a stream that breaks off after its head was sent.
pub fn event(shape: ErrorShape, rejection: &Rejection, request_id: &str) -> String {
    let body = body(shape, rejection, request_id);
    match shape {
        ErrorShape::OpenAi | ErrorShape::Google => format!("data: {body}\n\n"),
        ErrorShape::Anthropic | ErrorShape::Plain => format!("event: error\ndata: {body}\n\n"),
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
    fn every_answer_links_to_its_code_in_the_documentation() {
        for shape in [ErrorShape::OpenAi, ErrorShape::Anthropic, ErrorShape::Google, ErrorShape::Plain] {
            let text = body(shape, &Rejection::UpstreamAuthFailed, "r1").to_string();
            assert!(text.contains("https://keyward.dev/docs/errors#upstream_auth_failed"), "{text}");
        }
    }
}
