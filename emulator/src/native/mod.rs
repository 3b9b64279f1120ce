//! The fake providers with APIs of their own: their simplest calls, in their documented shapes.

mod images;
mod lookup;
mod replicate;
mod speech;

use axum::Router;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    emulator::Shared,
    failure::Failure,
    ids,
    provider::{Native, Provider},
};

pub fn routes() -> Router<Shared> {
    Router::new().merge(images::routes()).merge(lookup::routes()).merge(replicate::routes()).merge(speech::routes())
}

fn parse(native: Native, body: &Bytes) -> Result<Value, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Provider::Native(native).invalid(format!("The body is not valid: {error}.")))
}

/// A text that the call can't do without.
fn required(native: Native, value: &Value, name: &'static str) -> Result<String, Failure> {
    let missing = || Provider::Native(native).invalid(format!("{name} is required")).param(name);
    value[name].as_str().map(str::to_owned).ok_or_else(missing)
}

pub fn failure_body(native: Native, failure: &Failure) -> Value {
    let Failure { status, message, code, param, .. } = failure;
    let status = status.as_u16();
    let code = code.unwrap_or("emulator_error");
    match native {
        Native::Replicate => json!({"title": code, "detail": message, "status": status}),
        Native::Stability => json!({"id": ids::id(""), "name": code, "errors": [message]}),
        Native::Fal => json!({"detail": [{"loc": ["body", param], "msg": message, "type": code}]}),
        Native::ElevenLabs => json!({"detail": {"status": code, "message": message}}),
        Native::Deepgram => json!({"err_code": code, "err_msg": message, "request_id": ids::id("")}),
        Native::Brave => json!({
            "type": "ErrorResponse",
            "error": {"id": ids::id(""), "status": status, "code": code, "detail": message, "meta": {}},
        }),
        Native::DeepL => json!({"message": message, "detail": code}),
        Native::OpenMeteo => json!({"error": true, "reason": format!("{code}: {message}")}),
    }
}
