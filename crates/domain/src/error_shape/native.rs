//! Error shapes of providers that took over nobody else's. What a shape has no place for (our code, the request's id, the
//! link) stands in members that the provider's clients pass over.

use serde_json::{Value, json};

use super::{Said, openai_type};

/// api.search.brave.com: `ErrorResponse`.
pub(super) fn brave(said: Said<'_>) -> Value {
    json!({
        "type": "ErrorResponse",
        "error": {
            "id": said.request_id,
            "status": said.status,
            "code": said.code.to_ascii_uppercase(),
            "detail": said.message,
            "meta": {"doc_url": said.doc_url},
        },
    })
}

/// developers.cloudflare.com/api: the envelope of every call; its codes are numbers.
pub(super) fn cloudflare(said: Said<'_>) -> Value {
    let error = json!({
        "code": said.status,
        "message": said.message,
        "documentation_url": said.doc_url,
        "source": {"code": said.code, "request_id": said.request_id},
    });
    json!({"success": false, "errors": [error], "messages": [], "result": null})
}

/// developers.deepl.com: `message`, at times with `detail`.
pub(super) fn deepl(said: Said<'_>) -> Value {
    json!({
        "message": said.message,
        "detail": said.doc_url,
        "code": said.code,
        "request_id": said.request_id,
    })
}

/// developers.deepgram.com/docs/errors
pub(super) fn deepgram(said: Said<'_>) -> Value {
    json!({
        "err_code": said.code.to_ascii_uppercase(),
        "err_msg": said.message,
        "request_id": said.request_id,
        "doc_url": said.doc_url,
    })
}

/// elevenlabs.io/docs: `detail` with a status in words.
pub(super) fn elevenlabs(said: Said<'_>) -> Value {
    json!({"detail": {
        "status": said.code,
        "message": said.message,
        "request_id": said.request_id,
        "doc_url": said.doc_url,
    }})
}

/// docs.fal.ai/errors: a list, one entry for each error.
pub(super) fn fal(said: Said<'_>) -> Value {
    json!({
        "detail": [{
            "loc": ["request"],
            "msg": said.message,
            "type": said.code,
            "url": said.doc_url,
            "ctx": {"request_id": said.request_id},
        }],
    })
}

/// docs.mistral.ai: OpenAI's members without the object around them.
pub(super) fn mistral(said: Said<'_>) -> Value {
    json!({
        "object": "error",
        "message": said.message,
        "type": openai_type(said.status),
        "param": null,
        "code": said.code,
        "request_id": said.request_id,
        "doc_url": said.doc_url,
    })
}

/// open-meteo.com/en/docs
pub(super) fn open_meteo(said: Said<'_>) -> Value {
    json!({
        "error": true,
        "reason": said.message,
        "code": said.code,
        "request_id": said.request_id,
        "doc_url": said.doc_url,
    })
}

/// openrouter.ai/docs: `code` is the status.
pub(super) fn openrouter(said: Said<'_>) -> Value {
    json!({"error": {
        "code": said.status,
        "message": said.message,
        "metadata": {"code": said.code, "request_id": said.request_id, "doc_url": said.doc_url},
    }})
}

/// replicate.com/docs: a problem document (RFC 9457).
pub(super) fn replicate(said: Said<'_>) -> Value {
    json!({
        "type": said.doc_url,
        "title": said.code,
        "detail": said.message,
        "status": said.status,
        "instance": said.request_id,
    })
}

/// platform.stability.ai/docs
pub(super) fn stability(said: Said<'_>) -> Value {
    json!({
        "id": said.request_id,
        "name": said.code,
        "errors": [said.message],
        "message": said.message,
        "doc_url": said.doc_url,
    })
}

/// docs.x.ai: both members are texts.
pub(super) fn xai(said: Said<'_>) -> Value {
    json!({
        "code": said.code,
        "error": said.message,
        "request_id": said.request_id,
        "doc_url": said.doc_url,
    })
}
