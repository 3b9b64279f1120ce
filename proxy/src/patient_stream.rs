//! A stream of HTTP/2 with bounded patience. What a client does not read there stalls in a window, where no write of ours
//! waits: so the pieces of an answer are small, and each must be taken up in time, or the stream is reset.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::rt::Executor;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use crate::reply_stream::{Body, BrokenOff};
use crate::wire_watch::Wire;

/// Handed over at once; the HTTP library takes a piece as soon as the window has room for its first byte.
const PIECE_BYTES: usize = 16 << 10;
/// A reset overtakes what waits to be written, and the event that says why would be lost.
const BEFORE_RESET: Duration = Duration::from_millis(100);
/// How often a stream is looked at, in parts of the time it may stall.
const LOOKS: u32 = 4;

tokio::task_local! {
    static STALL: Arc<Stall>;
}

/// Since when the client has not taken up what it was given.
struct Stall {
    opened: Instant,
    /// In milliseconds after that, and one more; 0 for nothing.
    since: AtomicU64,
}

impl Stall {
    fn new() -> Arc<Self> {
        Arc::new(Self { opened: Instant::now(), since: AtomicU64::new(0) })
    }

    fn begins(&self) {
        let after = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.since.store(after + 1, Ordering::Relaxed);
    }

    fn ends(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// Returns when it has stalled for so long.
    async fn lasts(&self, patience: Duration) {
        loop {
            sleep(patience / LOOKS).await;
            let since = self.since.load(Ordering::Relaxed).checked_sub(1).map(Duration::from_millis);
            if since.is_some_and(|since| self.opened.elapsed() >= since + patience) {
                return;
            }
        }
    }
}

/// Runs the streams of one connection and counts them.
#[derive(Clone)]
pub struct Streams {
    pub wire: watch::Sender<Wire>,
    pub write_stall: Duration,
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let (open, patience) = (Open::new(&self.wire), self.write_stall);
        tokio::spawn(async move {
            let stall = Stall::new();
            tokio::select! {
                _ = STALL.scope(stall.clone(), stream) => {}
                () = stall.lasts(patience) => {}
            }
            drop(open);
        });
    }
}

struct Open(watch::Sender<Wire>);

impl Open {
    fn new(wire: &watch::Sender<Wire>) -> Self {
        wire.send_modify(|wire| *wire = Wire::Http2 { streams: wire.streams() + 1 });
        Self(wire.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|wire| *wire = Wire::Http2 { streams: wire.streams().saturating_sub(1) });
    }
}

/// The answer on a stream that `Streams` runs; any other is given back as it is.
pub fn patient(body: Body) -> Body {
    let Ok(stall) = STALL.try_with(Clone::clone) else { return body };
    stall.begins();
    PatientBody { body, stall, rest: Bytes::new(), breaking: None }.boxed_unsync()
}

struct PatientBody {
    body: Body,
    stall: Arc<Stall>,
    /// Of the last frame, what was not handed over yet.
    rest: Bytes,
    breaking: Option<(Pin<Box<Sleep>>, BrokenOff)>,
}

impl PatientBody {
    fn next_piece(&mut self) -> Frame<Bytes> {
        self.stall.begins();
        Frame::data(self.rest.split_to(self.rest.len().min(PIECE_BYTES)))
    }
}

impl http_body::Body for PatientBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.stall.ends();
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.next_piece())));
        }
        if self.breaking.is_none() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Ok(frame)) => {
                    return Poll::Ready(Some(Ok(match frame.into_data() {
                        Ok(bytes) => {
                            self.rest = bytes;
                            self.next_piece()
                        }
                        Err(trailers) => trailers,
                    })));
                }
                Some(Err(broken)) => self.breaking = Some((Box::pin(sleep(BEFORE_RESET)), broken)),
            }
        }
        let Some((written, _)) = &mut self.breaking else { return Poll::Ready(None) };
        ready!(written.as_mut().poll(cx));
        Poll::Ready(self.breaking.take().map(|(_, broken)| Err(broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.breaking.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        let mut all = SizeHint::new();
        all.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            all.set_upper(upper + rest);
        }
        all
    }
}
