//! A reply on its way through: redacted, its events looked at one by one, its ending told truly.
//! However it ends, the `Meter` that travels with it knows.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use keyward_domain::error_shape;
use keyward_domain::metering::is_usage_only_chunk;
use keyward_domain::ownership::Demands;
use keyward_domain::rejection::Rejection;
use keyward_domain::sse::{self, Cut, READ_EVENT_CAP_BYTES, SseSplitter};
use keyward_outbound::next_piece;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::edge::Edge;
use crate::meter::Meter;
use crate::patience::Patience;
use crate::redactor::Redactor;
use crate::snapshot::ServedProxy;
use crate::steps::forward::Reply;
use crate::steps::ownership::Claim;

pub type Body = UnsyncBoxBody<Bytes, BrokenOff>;

/// The connection or stream ends without a clean end, so that the client knows.
#[derive(Debug, thiserror::Error)]
pub enum BrokenOff {
    #[error("the reply broke off")]
    Reply,
    /// The stream is reset for the reason that is the source.
    #[error("the request was malformed")]
    Malformed(#[source] h2::Error),
}

pub struct ReplyStream {
    edge: Arc<Edge>,
    proxy: Arc<ServedProxy>,
    claim: Claim,
    upstream: Incoming,
    /// Came already.
    first: Option<Bytes>,
    patience: Patience,
    redactor: Redactor,
    events: Option<Events>,
    /// Bytes still to be delivered, where the upstream told.
    left: Option<u64>,
    opened: Instant,
    ready: VecDeque<Bytes>,
    phase: Phase,
}

/// Server-sent events are passed one by one, each after it was looked at.
pub struct Events {
    splitter: SseSplitter,
    hides_usage: bool,
}

impl Events {
    /// `demands` decide whether an event must be read before it may pass.
    pub fn new(hides_usage: bool, demands: &Demands) -> Self {
        let splitter =
            if demands.records() { SseSplitter::with_cap(READ_EVENT_CAP_BYTES) } else { SseSplitter::default() };
        Self { splitter, hides_usage }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The upstream ended; what is ready is all there is.
    Ending,
    /// Something broke; what is ready ends with an error event.
    Breaking,
    Over,
}

impl ReplyStream {
    pub fn new(edge: Arc<Edge>, reply: Reply, redactor: Redactor, events: Option<Events>, left: Option<u64>) -> Self {
        Self {
            edge,
            proxy: reply.proxy,
            claim: reply.claim,
            upstream: reply.response.into_body(),
            first: None,
            patience: reply.patience,
            redactor,
            events,
            left,
            opened: Instant::now(),
            ready: VecDeque::new(),
            phase: Phase::Open,
        }
    }

    pub fn beginning_with(self, first: Option<Bytes>) -> Self {
        Self { first, ..self }
    }

    pub fn has_events(&self) -> bool {
        self.events.is_some()
    }

    /// Dropped by the server as soon as the client is gone, and with it the call to the upstream.
    pub fn into_body(self: Box<Self>, meter: Meter, request_id: String) -> Body {
        let frames = stream::unfold((self, meter, request_id), |(mut reply, mut meter, request_id)| async move {
            let frame = reply.next_frame(&mut meter, &request_id).await?;
            Some((frame, (reply, meter, request_id)))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    async fn next_frame(&mut self, meter: &mut Meter, request_id: &str) -> Option<Result<Frame<Bytes>, BrokenOff>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                self.deliver(&chunk, meter);
                return Some(Ok(Frame::data(chunk)));
            }
            match self.phase {
                Phase::Open => {
                    if let Err(rejection) = self.take_in(meter).await {
                        self.break_off(&rejection, meter, request_id);
                    }
                }
                Phase::Ending => {
                    meter.completed();
                    self.phase = Phase::Over;
                }
                Phase::Breaking => {
                    self.phase = Phase::Over;
                    // The server writes what it has when the body makes it wait; an error would make it forget that.
                    tokio::task::yield_now().await;
                    return Some(Err(BrokenOff::Reply));
                }
                Phase::Over => return None,
            }
        }
    }

    fn deliver(&mut self, chunk: &Bytes, meter: &mut Meter) {
        meter.delivered(chunk.len() as u64);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(chunk.len() as u64);
            // A server that has sent the promised length asks for no more frames.
            if *left == 0 && self.phase != Phase::Breaking {
                meter.completed();
            }
        }
    }

    /// The next piece of the upstream's, made ready.
    async fn take_in(&mut self, meter: &mut Meter) -> Result<(), Rejection> {
        if let Some(first) = self.first.take() {
            return self.take_piece(first, meter).await;
        }
        let deadline = (Instant::now() + self.patience.idle).min(self.opened + self.patience.open);
        let read = tokio::select! {
            biased;
            () = self.edge.cut_streams.cancelled() => return Err(Rejection::ShuttingDown),
            () = meter.standing.revoked() => return Err(Rejection::AccessRevoked),
            read = timeout_at(deadline, next_piece(&mut self.upstream)) => read,
        };
        let chunk = read.map_err(|_| Rejection::UpstreamTimeout)?.map_err(|_| Rejection::UpstreamBroke)?;
        match chunk {
            Some(chunk) => self.take_piece(chunk, meter).await,
            None => {
                self.phase = Phase::Ending;
                let rest = self.redactor.finish();
                self.pass(rest, meter).await?;
                let rest = self.events.as_mut().map(|events| events.splitter.take_rest());
                self.pass_event(rest.unwrap_or_default(), meter).await
            }
        }
    }

    async fn take_piece(&mut self, piece: Bytes, meter: &mut Meter) -> Result<(), Rejection> {
        meter.received(&piece);
        let clean = self.redactor.push(&piece);
        self.pass(clean, meter).await
    }

    async fn pass(&mut self, chunk: Bytes, meter: &mut Meter) -> Result<(), Rejection> {
        let Some(events) = &mut self.events else {
            self.ready.extend((!chunk.is_empty()).then_some(chunk));
            return Ok(());
        };
        events.splitter.push(&chunk);
        while let Some(cut) = self.events.as_mut().and_then(|events| events.splitter.next_cut()) {
            match cut {
                Cut::Event(event) => self.pass_event(event, meter).await?,
                Cut::Oversized(_) if self.claim.demands.records() => {
                    return Err(Rejection::UpstreamReplyRefused {
                        reason: "an event is too large to be searched for new objects",
                    });
                }
                Cut::Oversized(piece) => self.ready.push_back(piece.into()),
            }
        }
        Ok(())
    }

    async fn pass_event(&mut self, event: Vec<u8>, meter: &mut Meter) -> Result<(), Rejection> {
        let data = sse::data(&event);
        if data.as_deref() == Some("[DONE]") {
            meter.passed_last_event();
        } else if let Some(value) = data.and_then(|data| serde_json::from_str::<Value>(&data).ok()) {
            meter.passed_event(&value);
            if self.events.as_ref().is_some_and(|events| events.hides_usage) && is_usage_only_chunk(&value) {
                return Ok(());
            }
            self.edge.ledger.record(&self.claim.holder, &self.claim.demands.created(&value)).await?;
        }
        if !event.is_empty() {
            self.ready.push_back(event.into());
        }
        Ok(())
    }

    fn break_off(&mut self, rejection: &Rejection, meter: &mut Meter, request_id: &str) {
        meter.broke_off(rejection);
        if self.events.is_some() {
            let event = error_shape::event(self.proxy.provider.error_shape, rejection, request_id);
            self.ready.push_back(event.into());
        }
        self.phase = Phase::Breaking;
    }
}
