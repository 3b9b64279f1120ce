//! A client connection with bounded patience: what must come soon comes in time, and a write must not stall for long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::last_word::LastWord;
use crate::wire_watch::WireWatch;

pub struct PatientIo<S> {
    stream: S,
    head_read: Duration,
    write_stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    awaited: Option<Awaited>,
    wire: WireWatch,
    last_word: LastWord,
}

struct Awaited {
    number: u64,
    patience: Pin<Box<Sleep>>,
}

impl<S> PatientIo<S> {
    pub fn new(stream: S, head_read: Duration, write_stall: Duration, wire: WireWatch) -> Self {
        let mut io =
            Self { stream, head_read, write_stall, stalled: None, awaited: None, wire, last_word: LastWord::default() };
        io.has_read(&[]);
        io
    }

    /// While a write waits, its time runs; any progress starts it anew.
    fn watched<T>(&mut self, polled: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let write_stall = self.write_stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_stall)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn has_read(&mut self, bytes: &[u8]) {
        self.wire.read(bytes);
        let still = self.awaited.take();
        self.awaited = self.wire.awaited().map(|number| match still {
            Some(same) if same.number == number => same,
            Some(_) | None => Awaited { number, patience: Box::pin(sleep(self.head_read)) },
        });
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let filled_before = buf.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        if polled.is_ready() {
            this.has_read(&buf.filled()[filled_before..]);
            if this.wire.is_hopeless() {
                buf.set_filled(filled_before);
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            return polled;
        }
        let Some(awaited) = &mut this.awaited else { return Poll::Pending };
        ready!(awaited.patience.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let fault = self.wire.fault();
        let instead = self.last_word.instead_of(bytes, fault);
        let polled = Pin::new(&mut self.stream).poll_write(cx, instead.as_deref().unwrap_or(bytes));
        self.watched(polled, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.wire.fault().is_some() {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return self.poll_write(cx, first.map_or(&[], |slice| slice));
        }
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
