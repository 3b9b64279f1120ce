//! A client connection with bounded patience: it must begin in time, and a write must not stall for long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::head_watch::HeadWatch;

/// So much is read before it counts as begun: less than the shortest request there is, and one byte alone would let a
/// connection stand for ever.
const BEGINNING_BYTES: usize = 24;

pub struct PatientIo {
    stream: TcpStream,
    write_stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    beginning: Option<Pin<Box<Sleep>>>,
    read_bytes: usize,
    heads: HeadWatch,
}

impl PatientIo {
    pub fn new(stream: TcpStream, beginning: Duration, write_stall: Duration, heads: HeadWatch) -> Self {
        Self { stream, write_stall, stalled: None, beginning: Some(Box::pin(sleep(beginning))), read_bytes: 0, heads }
    }

    /// While a write waits, its time runs; any progress starts it anew.
    fn watched<T>(&mut self, polled: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            (self.stalled, self.beginning) = (None, None);
            return polled;
        }
        let write_stall = self.write_stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_stall)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled_before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_ready() {
            self.heads.read(&buf.filled()[filled_before..]);
            self.read_bytes = self.read_bytes.saturating_add(buf.filled().len() - filled_before);
            if self.read_bytes >= BEGINNING_BYTES {
                self.beginning = None;
            }
            return polled;
        }
        match self.beginning.as_mut().map(|patience| patience.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }
}

impl AsyncWrite for PatientIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watched(polled, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watched(polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.watched(polled, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
