//! Scripted faults: rules armed through `POST /_faults`, or written inside a request as `emulator-fault:…`.
//! Decides which fault a request gets; what a fault does to a body is in `fault_body`.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use memchr::memmem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::provider::Provider;

const INLINE: &str = "emulator-fault:";
/// Larger bodies are files, not prompts; they are not searched for inline faults.
const MAX_SEARCHED_BYTES: usize = 64 * 1024;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// Matches the beginning of the path; required in a rule.
    pub path_prefix: String,
    pub method: Option<String>,
    /// Matches requests whose body contains this text, so that parallel tests can tell their requests apart.
    pub body_contains: Option<String>,
    /// Matches requests that bring this provider key.
    pub key: Option<String>,
    /// How many requests get it; absent means all until the faults are deleted.
    pub times: Option<u64>,
    /// How many matching requests pass first.
    pub skip: u64,

    /// Before the head of the answer.
    pub delay_ms: u64,
    /// Between the head and the first byte of the body.
    pub first_byte_delay_ms: u64,
    pub status: Option<u16>,
    pub headers: BTreeMap<String, String>,
    /// A string is sent as it is, anything else as JSON. `{key}` in a string becomes the key when `echo_key` is set.
    pub body: Option<Value>,
    pub reset_after_bytes: Option<u64>,
    pub trickle: Option<Trickle>,
    /// The body names the received key, as some providers do with 401.
    pub echo_key: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trickle {
    pub bytes: usize,
    pub every_ms: u64,
}

#[derive(Default)]
pub struct Faults {
    any: AtomicBool,
    armed: Mutex<Vec<Armed>>,
}

struct Armed {
    fault: Arc<Fault>,
    matched: u64,
    hits: u64,
}

impl Faults {
    /// Adds rules after those that are armed already; the first that matches a request wins.
    pub fn arm(&self, faults: Vec<Fault>) -> usize {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        armed.extend(faults.into_iter().map(|fault| Armed { fault: Arc::new(fault), matched: 0, hits: 0 }));
        self.any.store(!armed.is_empty(), Ordering::Release);
        armed.len()
    }

    pub fn clear(&self) {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.any.store(false, Ordering::Release);
    }

    pub fn list(&self) -> Value {
        let armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let rules: Vec<Value> = armed.iter().map(|armed| json!({"rule": *armed.fault, "hits": armed.hits})).collect();
        json!({"faults": rules})
    }

    /// The fault that this request gets; counts it.
    pub fn take(&self, (method, path): (&Method, &str), body: &Bytes, key: &str) -> Option<Arc<Fault>> {
        if self.any.load(Ordering::Acquire) {
            let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(fault) = armed.iter_mut().find_map(|armed| armed.take((method, path), body, key)) {
                return Some(fault);
            }
        }
        Fault::inline(path.as_bytes()).or_else(|| Fault::inline(body)).map(Arc::new)
    }
}

impl Armed {
    fn take(&mut self, (method, path): (&Method, &str), body: &[u8], key: &str) -> Option<Arc<Fault>> {
        let spent = self.fault.times.is_some_and(|times| self.hits >= times);
        if spent || !self.fault.matches(method, path, body) || !self.fault.is_for_key(key) {
            return None;
        }
        self.matched += 1;
        if self.matched <= self.fault.skip {
            return None;
        }
        self.hits += 1;
        Some(Arc::clone(&self.fault))
    }
}

impl Fault {
    /// Says what is wrong with a rule before it is armed.
    pub fn validate(&self) -> Result<(), String> {
        if !self.path_prefix.starts_with('/') {
            return Err("path_prefix: required, begins with a slash".to_owned());
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Err("status: from 200 to 599".to_owned());
        }
        if self.trickle.is_some_and(|trickle| trickle.bytes == 0) {
            return Err("trickle.bytes: at least 1".to_owned());
        }
        let bad = self.headers.iter().find(|(name, value)| {
            HeaderName::try_from(name.as_str()).is_err() || HeaderValue::try_from(value.as_str()).is_err()
        });
        bad.map_or(Ok(()), |(name, _)| Err(format!("headers: `{name}` cannot be sent")))
    }

    fn matches(&self, method: &Method, path: &str, body: &[u8]) -> bool {
        path.starts_with(&self.path_prefix)
            && self.method.as_deref().is_none_or(|wanted| method.as_str().eq_ignore_ascii_case(wanted))
            && self.body_contains.as_deref().is_none_or(|text| memmem::find(body, text.as_bytes()).is_some())
    }

    fn is_for_key(&self, key: &str) -> bool {
        self.key.as_deref().is_none_or(|wanted| wanted == key)
    }

    /// Reads `emulator-fault:status=503,retry_after=7` from a path or a body; unknown words are ignored.
    fn inline(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_SEARCHED_BYTES {
            return None;
        }
        let start = memmem::find(text, INLINE.as_bytes())? + INLINE.len();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b',' | b'/' | b'_');
        let length = text[start..].iter().take_while(|byte| is_part(byte)).count();
        let script = std::str::from_utf8(&text[start..start + length]).ok()?;

        let mut fault = Self::default();
        for word in script.split(',') {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            fault.set_inline(name, value);
        }
        Some(fault)
    }

    fn set_inline(&mut self, name: &str, value: &str) {
        match name {
            "delay" => self.delay_ms = value.parse().unwrap_or_default(),
            "first_byte" => self.first_byte_delay_ms = value.parse().unwrap_or_default(),
            "status" => self.status = value.parse().ok().filter(|status| (200..=599).contains(status)),
            "reset" => self.reset_after_bytes = value.parse().ok(),
            "retry_after" => {
                self.headers.insert("retry-after".to_owned(), value.to_owned());
            }
            "trickle" => {
                self.trickle = value.split_once('/').and_then(|(bytes, every_ms)| {
                    let bytes = bytes.parse().ok().filter(|bytes| *bytes > 0)?;
                    Some(Trickle { bytes, every_ms: every_ms.parse().ok()? })
                });
            }
            "echo_key" => self.echo_key = true,
            _ => {}
        }
    }

    /// The answer that takes the place of the route's, if the fault names a status or a body.
    pub fn scripted_answer(&self, provider: Provider, key: &str) -> Option<Response> {
        if self.status.is_none() && self.body.is_none() && !self.echo_key {
            return None;
        }
        let default = if self.echo_key { 401 } else { 200 };
        let status = StatusCode::from_u16(self.status.unwrap_or(default)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return Some(status.into_response());
        }
        Some(match &self.body {
            Some(Value::String(text)) if self.echo_key => (status, text.replace("{key}", key)).into_response(),
            Some(Value::String(text)) => (status, text.clone()).into_response(),
            Some(body) => (status, Json(body)).into_response(),
            None if self.echo_key => {
                let message = format!("Incorrect API key provided: {key}. Find your key in the settings.");
                provider.failure(status, message).code("invalid_api_key").into_response()
            }
            None => provider.failure(status, format!("A scripted fault: {status}.")).into_response(),
        })
    }

    pub fn set_headers(&self, response: &mut Response) {
        for (name, value) in &self.headers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()))
            else {
                continue;
            };
            response.headers_mut().insert(name, value);
        }
    }

    /// Whether the body of the answer must be paced or cut.
    pub fn shapes_body(&self) -> bool {
        self.first_byte_delay_ms > 0 || self.reset_after_bytes.is_some() || self.trickle.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: Value) -> Fault {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_rule_is_spent_after_its_times() {
        let faults = Faults::default();
        faults.arm(vec![rule(json!({"path_prefix": "/openai", "times": 1, "skip": 1, "status": 503}))]);
        let take = || faults.take((&Method::GET, "/openai/v1/models"), &Bytes::new(), "").is_some();
        assert_eq!([take(), take(), take()], [false, true, false]);
    }

    #[test]
    fn the_first_rule_that_matches_wins() {
        let faults = Faults::default();
        faults.arm(vec![
            rule(json!({"path_prefix": "/openai", "method": "POST", "status": 500})),
            rule(json!({"path_prefix": "/openai", "body_contains": "alice", "status": 502})),
            rule(json!({"path_prefix": "/openai", "status": 503})),
        ]);
        let status = |method, body| {
            faults.take((&method, "/openai/v1"), &Bytes::from_static(body), "").and_then(|fault| fault.status)
        };
        assert_eq!(status(Method::POST, b"" as &[u8]), Some(500));
        assert_eq!(status(Method::GET, b"for alice"), Some(502));
        assert_eq!(status(Method::GET, b""), Some(503));
        assert!(faults.take((&Method::GET, "/gemini/v1beta/models"), &Bytes::new(), "").is_none());
    }

    #[test]
    fn reads_a_fault_inside_a_request() {
        let body = Bytes::from_static(
            br#"{"model":"emulator-fault:delay=20,status=429,retry_after=7,trickle=5/20,reset=100","x":1}"#,
        );
        let fault = Faults::default().take((&Method::POST, "/openai/v1"), &body, "").unwrap();
        assert_eq!((fault.delay_ms, fault.status, fault.reset_after_bytes), (20, Some(429), Some(100)));
        assert_eq!(fault.headers["retry-after"], "7");
        assert_eq!(fault.trickle.map(|trickle| (trickle.bytes, trickle.every_ms)), Some((5, 20)));
    }

    #[test]
    fn refuses_rules_that_cannot_be_played() {
        for json in [
            json!({"status": 503}),
            json!({"path_prefix": "/", "status": 99}),
            json!({"path_prefix": "/", "trickle": {"bytes": 0, "every_ms": 1}}),
            json!({"path_prefix": "/", "headers": {"a b": "c"}}),
        ] {
            assert!(rule(json.clone()).validate().is_err(), "{json}");
        }
        assert!(serde_json::from_value::<Fault>(json!({"path_prefix": "/", "sttus": 1})).is_err());
    }
}
