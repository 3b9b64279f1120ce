//! An error answer in the shape that the provider's own SDKs parse.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{compatible, ids, native, provider::Provider};

#[derive(Debug)]
pub struct Failure {
    pub(crate) provider: Provider,
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) code: Option<&'static str>,
    pub(crate) param: Option<&'static str>,
}

impl Failure {
    pub fn new(provider: Provider, status: StatusCode, message: String) -> Self {
        Self { provider, status, message, code: None, param: None }
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn param(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    /// Shared by most who took over OpenAI's API.
    pub fn open_ai_body(&self) -> Value {
        json!({"error": {
            "message": self.message, "type": openai_type(self.status), "param": self.param, "code": self.code,
        }})
    }

    fn body(&self) -> Value {
        match self.provider {
            Provider::OpenAi => self.open_ai_body(),
            Provider::Anthropic => {
                let mut error = json!({"type": anthropic_type(self.status), "message": self.message});
                // The real API has no code; ours is an extra field so that a test can tell the cause.
                if let Some(code) = self.code {
                    error["code"] = Value::from(code);
                }
                json!({"type": "error", "error": error, "request_id": ids::id("req_")})
            }
            Provider::Gemini => {
                let mut error = json!({
                    "code": self.status.as_u16(), "message": self.message, "status": google_status(self.status),
                });
                if let Some(code) = self.code {
                    error["details"] = json!([{
                        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                        "reason": code,
                        "domain": "googleapis.com",
                    }]);
                }
                json!({"error": error})
            }
            Provider::Compatible(dialect) => compatible::failure_body(dialect, self),
            Provider::Native(native) => native::failure_body(native, self),
            Provider::Echo => json!({"error": {"code": self.code, "message": self.message}}),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

/// `type` of <https://platform.openai.com/docs/guides/error-codes>.
pub fn openai_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

/// `error.type` of <https://docs.anthropic.com/en/api/errors>.
fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// `error.status`, the names of `google.rpc.Code`.
fn google_status(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Dialect, Native};

    #[test]
    fn every_provider_has_its_own_shape() {
        let failure = |provider: Provider| {
            provider.failure(StatusCode::TOO_MANY_REQUESTS, "slow down").code("rate_limit_exceeded").body()
        };
        assert_eq!(failure(Provider::OpenAi)["error"]["code"], "rate_limit_exceeded");
        assert_eq!(failure(Provider::Anthropic)["error"]["type"], "rate_limit_error");
        assert_eq!(failure(Provider::Gemini)["error"]["status"], "RESOURCE_EXHAUSTED");
        assert_eq!(failure(Provider::Compatible(Dialect::XAi))["error"], "slow down");
        assert_eq!(failure(Provider::Compatible(Dialect::Groq))["error"]["message"], "slow down");
        assert_eq!(failure(Provider::Native(Native::ElevenLabs))["detail"]["message"], "slow down");
        assert_eq!(failure(Provider::Echo)["error"]["message"], "slow down");
    }
}
