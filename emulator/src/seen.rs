//! The last requests that reached a provider route, as `GET /_seen` shows them.
//! Rendering (JSON, digests of small bodies) happens when somebody looks, not while a request is served.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed},
    },
};

use aws_lc_rs::digest;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri, request::Parts};
use serde_json::{Map, Value, json};

use crate::{clock, witness::Witness};

const KEPT_REQUESTS: usize = 1000;
/// Bodies below this size are kept whole; of larger ones only the digest is.
const KEPT_BODY_BYTES: usize = 64 * 1024;

#[derive(Default)]
pub struct Seen {
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    total: u64,
    entries: VecDeque<Arc<Entry>>,
}

pub struct Entry {
    /// Position in the log, from 1.
    n: u64,
    at_ms: u64,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: OnceLock<SeenBody>,
    pub body_len: AtomicU64,
    /// 0 until the answer has begun.
    pub status: AtomicU16,
    pub bytes_sent: AtomicU64,
    pub aborted: AtomicBool,
    pub finished: AtomicBool,
}

enum SeenBody {
    Kept(Bytes),
    Digested(String),
}

impl Seen {
    /// Lists the request; the returned witness must live until the answer was delivered.
    pub fn open(&self, parts: &Parts) -> Witness {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.total += 1;
        let entry = Arc::new(Entry {
            n: log.total,
            at_ms: unix_ms(),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            body: OnceLock::new(),
            body_len: AtomicU64::new(0),
            status: AtomicU16::new(0),
            bytes_sent: AtomicU64::new(0),
            aborted: AtomicBool::new(false),
            finished: AtomicBool::new(false),
        });
        if log.entries.len() == KEPT_REQUESTS {
            log.entries.pop_front();
        }
        log.entries.push_back(Arc::clone(&entry));
        Witness::new(entry)
    }

    pub fn clear(&self) {
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = Log::default();
    }

    /// Requests after number `since`, oldest first; keys are shown as `[key]`, `[key 2]`, ….
    pub fn list(&self, since: u64, keys: &[(String, String)]) -> Value {
        let (total, entries) = self.snapshot();
        let requests: Vec<Value> =
            entries.iter().filter(|entry| entry.n > since).map(|entry| entry.render(keys)).collect();
        json!({"total": total, "requests": requests})
    }

    /// Totals only. `in_flight` and `aborted` count the kept requests.
    pub fn count(&self) -> Value {
        let (total, entries) = self.snapshot();
        let in_flight = entries.iter().filter(|entry| !entry.finished.load(Relaxed)).count();
        let aborted = entries.iter().filter(|entry| entry.aborted.load(Relaxed)).count();
        json!({"total": total, "in_flight": in_flight, "aborted": aborted})
    }

    fn snapshot(&self) -> (u64, Vec<Arc<Entry>>) {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        (log.total, log.entries.iter().cloned().collect())
    }
}

impl Entry {
    pub fn set_body(&self, body: &Bytes) {
        let seen = if body.len() < KEPT_BODY_BYTES {
            SeenBody::Kept(body.clone())
        } else {
            SeenBody::Digested(sha256_hex(body))
        };
        // A body arrives once; a second one would be a bug of ours and is ignored.
        let _ = self.body.set(seen);
    }

    fn render(&self, keys: &[(String, String)]) -> Value {
        let (body_sha256, body_json) = match self.body.get() {
            None => (None, None),
            Some(SeenBody::Kept(bytes)) => (Some(sha256_hex(bytes)), serde_json::from_slice::<Value>(bytes).ok()),
            Some(SeenBody::Digested(digest)) => (Some(digest.clone()), None),
        };
        let status = self.status.load(Relaxed);
        json!({
            "n": self.n,
            "at_ms": self.at_ms,
            "method": self.method.as_str(),
            "path": self.uri.path(),
            "query": self.uri.query().map(|query| hide(query, keys)),
            "headers": render_headers(&self.headers, keys),
            "body_sha256": body_sha256,
            "body_len": self.body_len.load(Relaxed),
            "body_json": body_json,
            "status": (status != 0).then_some(status),
            "bytes_sent": self.bytes_sent.load(Relaxed),
            "aborted": self.aborted.load(Relaxed),
            "finished": self.finished.load(Relaxed),
        })
    }
}

/// Name to value; repeated fields are joined with a comma, provider keys are hidden.
pub fn render_headers(headers: &HeaderMap, keys: &[(String, String)]) -> Map<String, Value> {
    headers
        .keys()
        .map(|name| {
            let values: Vec<_> =
                headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            (name.as_str().to_owned(), Value::from(hide(&values.join(", "), keys)))
        })
        .collect()
}

pub fn hide(text: &str, keys: &[(String, String)]) -> String {
    keys.iter().fold(text.to_owned(), |text, (key, shown)| text.replace(key, shown))
}

pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn unix_ms() -> u64 {
    u64::try_from(clock::now().unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}
