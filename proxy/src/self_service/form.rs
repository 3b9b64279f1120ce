//! The small JSON bodies of self-service: read whole, strictly, and wiped.

use http::header::CONTENT_ENCODING;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use keyward_domain::rejection::Rejection;
use keyward_domain::secret::ProviderKey;
use keyward_domain::strict_json;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::timeout;
use zeroize::{Zeroize, Zeroizing};

use super::Question;
use crate::steps::headers;

const MOST_BYTES: usize = 8 << 10;

/// `{"key": "…", "expires_at": "…"}`
pub struct KeyForm {
    pub key: ProviderKey,
    pub expires_at: Option<OffsetDateTime>,
}

pub async fn read(question: &Question<'_>, body: &mut Option<Incoming>) -> Result<KeyForm, Rejection> {
    let is_json = headers::media_type(&question.head.headers).is_some_and(|name| headers::is_json(&name));
    if !is_json || question.head.headers.contains_key(CONTENT_ENCODING) {
        return Err(Rejection::UnreadableMediaType);
    }
    let body = body.take().ok_or_else(|| bad("it is empty"))?;
    let reading = timeout(question.edge.bounds.body_idle, Limited::new(body, MOST_BYTES).collect()).await;
    let read = reading.map_err(|_| Rejection::BodyTimeout)?;
    let read = read.map_err(|_| Rejection::BodyTooLarge { limit_bytes: MOST_BYTES as u64 })?;
    let bytes = Zeroizing::new(read.to_bytes().to_vec());
    let mut value = strict_json::parse(&bytes).map_err(Rejection::BadBody)?;
    let form = understood(&mut value, question.edge.clock.now());
    wipe(&mut value);
    form
}

fn understood(value: &mut Value, now: OffsetDateTime) -> Result<KeyForm, Rejection> {
    let members = value.as_object_mut().ok_or_else(|| bad("it is no object"))?;
    if members.keys().any(|name| !matches!(name.as_str(), "key" | "expires_at")) {
        return Err(bad("it has members beside key and expires_at"));
    }
    let Some(Value::String(key)) = members.get("key") else { return Err(bad("key is not a text")) };
    let key = ProviderKey::parse(key).map_err(|error| bad(&error.to_string()))?;
    let expires_at = match members.get("expires_at") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => {
            let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| bad("expires_at is no RFC 3339 time"))?;
            if at <= now {
                return Err(bad("expires_at is over"));
            }
            Some(at)
        }
        Some(_) => return Err(bad("expires_at is no RFC 3339 time")),
    };
    Ok(KeyForm { key, expires_at })
}

fn bad(reason: &str) -> Rejection {
    Rejection::SelfServiceForm { reason: reason.to_owned() }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
