//! Watches one request until its answer is delivered: counts bytes and notices that the client went away.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, HttpBody},
    response::Response,
};
use bytes::{Bytes, BytesMut};
use http::Method;
use http_body_util::BodyExt;

use crate::seen::Entry;

/// Dropped before the end of the answer, it marks the request as aborted: hyper drops the running handler, or the
/// body, when the connection is gone.
pub struct Witness {
    entry: Arc<Entry>,
}

/// Why a request body was not read to its end.
pub enum Unread {
    TooLarge,
    Broken,
}

impl Witness {
    pub fn new(entry: Arc<Entry>) -> Self {
        Self { entry }
    }

    /// Reads the whole request body, at most `limit` bytes.
    pub async fn read(&self, mut body: Body, limit: usize) -> Result<Bytes, Unread> {
        let expected = usize::try_from(body.size_hint().lower()).unwrap_or(limit);
        if expected > limit {
            return Err(Unread::TooLarge);
        }
        let mut whole = BytesMut::with_capacity(expected);
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return Err(Unread::Broken) };
            let Ok(piece) = frame.into_data() else { continue };
            if whole.len() + piece.len() > limit {
                return Err(Unread::TooLarge);
            }
            whole.extend_from_slice(&piece);
            self.entry.body_len.store(whole.len() as u64, Relaxed);
        }
        let whole = whole.freeze();
        self.entry.set_body(&whole);
        Ok(whole)
    }

    /// Goes along with the answer until its last byte was handed to the connection.
    pub fn follow(self, method: &Method, response: Response) -> Response {
        self.entry.status.store(response.status().as_u16(), Relaxed);
        // The body of an answer to HEAD is never polled.
        if method == Method::HEAD || response.body().is_end_stream() {
            self.finish();
        }
        response.map(|inner| Body::new(WatchedBody { inner, witness: self }))
    }

    fn finish(&self) {
        self.entry.finished.store(true, Relaxed);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if !self.entry.finished.swap(true, Relaxed) {
            self.entry.aborted.store(true, Relaxed);
        }
    }
}

struct WatchedBody {
    inner: Body,
    witness: Witness,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.witness.entry.bytes_sent.fetch_add(length as u64, Relaxed);
                if self.inner.is_end_stream() {
                    self.witness.finish();
                }
            }
            // An error is a scripted reset: ours, not the client's.
            Some(Err(_)) | None => self.witness.finish(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
