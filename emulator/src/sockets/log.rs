//! Who is connected, what came over each socket, and how it ended.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Uri;
use serde_json::{Value, json};

const KEPT_SOCKETS: usize = 1000;
const KEPT_MESSAGES: usize = 200;

#[derive(Default)]
pub struct Sockets(Mutex<Vec<Arc<Mutex<Entry>>>>);

struct Entry {
    path: String,
    query: Option<String>,
    messages: Vec<Bytes>,
    is_open: bool,
    close_code: Option<u16>,
}

impl Sockets {
    pub(super) fn open(&self, uri: &Uri) -> Said {
        let entry = Entry {
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            messages: Vec::new(),
            is_open: true,
            close_code: None,
        };
        let entry = Arc::new(Mutex::new(entry));
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sockets.len() == KEPT_SOCKETS {
            sockets.remove(0);
        }
        sockets.push(Arc::clone(&entry));
        Said(entry)
    }

    /// Messages that are JSON as such, others as their length.
    pub(super) fn list(&self) -> Value {
        let sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = sockets.iter().map(|entry| {
            let entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
            let message = |bytes: &Bytes| serde_json::from_slice(bytes).unwrap_or_else(|_| Value::from(bytes.len()));
            json!({
                "path": entry.path,
                "query": entry.query,
                "messages": entry.messages.iter().map(message).collect::<Vec<Value>>(),
                "open": entry.is_open,
                "close_code": entry.close_code,
            })
        });
        Value::from(shown.collect::<Vec<_>>())
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Writes down one socket; its end when it is dropped.
pub(super) struct Said(Arc<Mutex<Entry>>);

impl Said {
    pub fn heard(&self, message: Bytes) {
        let mut entry = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entry.messages.len() < KEPT_MESSAGES {
            entry.messages.push(message);
        }
    }

    pub fn closed(&self, code: Option<u16>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).close_code = code;
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_open = false;
    }
}
