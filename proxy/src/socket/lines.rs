//! Both directions of an open socket, and the watch over them. Each direction waits for itself alone, so that neither
//! side can hold up the other; whatever ends first ends all, and both sides are told why.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use keyward_domain::rejection::{Rejection, SocketRefusal};
use keyward_domain::sockets::{SocketProtocol, Work};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};
use tracing::info;

use crate::edge::Edge;
use crate::meter::Meter;
use crate::patience::Patience;
use crate::redactor::Redactor;
use crate::socket::gate::Gate;
use crate::socket::turns::Turns;
use crate::standing_watch::StandingWatch;
use crate::steps::ownership::Claim;

/// For the last words of each side.
const FAREWELL: Duration = Duration::from_secs(1);

type Reading<S> = SplitStream<WebSocketStream<S>>;
type Writing<S> = SplitSink<WebSocketStream<S>, Message>;

/// Why a socket ends.
enum End {
    ClientClosed(Option<CloseFrame>),
    ClientGone,
    UpstreamClosed(Option<CloseFrame>),
    UpstreamGone,
    Cut(Rejection),
}

pub struct Lines {
    edge: Arc<Edge>,
    claim: Arc<Claim>,
    protocol: SocketProtocol,
    gate: Gate,
    turns: Mutex<Turns>,
    redactor: Redactor,
    spoken: watch::Sender<Instant>,
}

impl Lines {
    pub fn new(edge: Arc<Edge>, gate: Gate, turns: Turns, redactor: Redactor) -> Self {
        let (claim, protocol) = (gate.claim.clone(), gate.protocol);
        let spoken = watch::Sender::new(Instant::now());
        Self { edge, claim, protocol, gate, turns: Mutex::new(turns), redactor, spoken }
    }

    pub async fn run<C, U>(
        mut self,
        (client, upstream): (WebSocketStream<C>, WebSocketStream<U>),
        patience: Patience,
        mut meter: Meter,
    ) where
        C: AsyncRead + AsyncWrite + Unpin,
        U: AsyncRead + AsyncWrite + Unpin,
    {
        let ((mut to_client, mut from_client), (mut to_upstream, mut from_upstream)) =
            (client.split(), upstream.split());
        let overseer = Overseer {
            edge: self.edge.clone(),
            spoken: self.spoken.subscribe(),
            working: self.turns.get_mut().working(),
            patience,
        };
        let (standing, sent_bytes) = (meter.standing.clone(), meter.request_bytes());
        let stall = self.edge.bounds.write_stall;
        let upward = Upward { gate: &mut self.gate, turns: &self.turns, spoken: &self.spoken, sent_bytes, stall };
        let downward = Downward {
            edge: &self.edge,
            claim: &self.claim,
            protocol: self.protocol,
            redactor: &mut self.redactor,
            turns: &self.turns,
            spoken: &self.spoken,
            meter: &mut meter,
        };
        let end = tokio::select! {
            end = upward.run(&mut from_client, &mut to_upstream) => end,
            end = downward.run(&mut from_upstream, &mut to_client) => end,
            rejection = overseer.run(standing) => End::Cut(rejection),
        };
        let turns = self.turns.into_inner();
        if let Some(tokens) = turns.cut_off() {
            meter.answered_about(tokens);
        }
        meter.speaks_with(turns.model.clone());
        let (for_client, for_upstream) = farewell(end, &mut meter, &mut self.redactor);
        // Before the last words, for which nobody has to wait.
        drop((turns, meter));
        tokio::join!(
            part(&mut to_client, &mut from_client, for_client),
            part(&mut to_upstream, &mut from_upstream, for_upstream),
        );
    }
}

/// What each side is told; `None` for the one that has said it first.
fn farewell(
    end: End,
    meter: &mut Meter,
    redactor: &mut Redactor,
) -> (Option<Option<CloseFrame>>, Option<Option<CloseFrame>>) {
    let frame = |code: u16, reason: String| Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() });
    let broke = Rejection::UpstreamBroke;
    match end {
        End::ClientClosed(said) => {
            meter.completed();
            (None, Some(said))
        }
        End::ClientGone => (None, Some(frame(1001, String::new()))),
        End::UpstreamClosed(said) => {
            match said.as_ref().map(|frame| frame.code) {
                Some(CloseCode::Error | CloseCode::Restart | CloseCode::Again) => meter.broke_off(&broke),
                Some(_) | None => meter.completed(),
            }
            let said = said.map(|frame| CloseFrame { reason: clean(redactor, &frame.reason), ..frame });
            (Some(said), None)
        }
        End::UpstreamGone => {
            meter.broke_off(&broke);
            (Some(frame(broke.close_code(), broke.close_reason())), None)
        }
        End::Cut(rejection) => {
            info!(code = rejection.code(), step = ?rejection.step(), "a socket is closed");
            meter.closed_for(&rejection);
            (Some(frame(rejection.close_code(), rejection.close_reason())), Some(frame(1001, String::new())))
        }
    }
}

fn clean(redactor: &mut Redactor, text: &Utf8Bytes) -> Utf8Bytes {
    blotted(redactor, &Bytes::from(text.clone())).and_then(|bytes| Utf8Bytes::try_from(bytes).ok()).unwrap_or_default()
}

/// Without the key; `None` for what cannot be one text any more.
fn blotted(redactor: &mut Redactor, bytes: &Bytes) -> Option<Bytes> {
    if !redactor.occurs_in(bytes) {
        return Some(bytes.clone());
    }
    Some([redactor.push(bytes), redactor.finish()].concat().into())
}

/// Closes one side, and reads until it has closed too or takes too long.
async fn part<S>(to: &mut Writing<S>, from: &mut Reading<S>, frame: Option<Option<CloseFrame>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let parting = async {
        if let Some(frame) = frame {
            let _ = to.send(Message::Close(frame)).await;
        } else {
            let _ = to.flush().await;
        }
        while let Some(Ok(_)) = from.next().await {}
    };
    let _ = timeout(FAREWELL, parting).await;
}

/// From the client to the provider.
struct Upward<'a> {
    gate: &'a mut Gate,
    turns: &'a Mutex<Turns>,
    spoken: &'a watch::Sender<Instant>,
    sent_bytes: Arc<AtomicU64>,
    stall: Duration,
}

impl Upward<'_> {
    async fn run<C, U>(self, from: &mut Reading<C>, to: &mut Writing<U>) -> End
    where
        C: AsyncRead + AsyncWrite + Unpin,
        U: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let message = match from.next().await {
                Some(Ok(Message::Close(frame))) => return End::ClientClosed(frame),
                // Each side is answered here, and no ping keeps a silent socket open.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(message)) => message,
                Some(Err(error)) => return self.fault(&error),
                None => return End::ClientGone,
            };
            self.spoken.send_replace(Instant::now());
            self.sent_bytes.fetch_add(message.len() as u64, Ordering::Relaxed);
            let message = match self.gate.admit(message, self.turns).await {
                Ok(message) => message,
                Err(rejection) => return End::Cut(rejection),
            };
            match timeout(self.stall, to.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return End::UpstreamGone,
            }
        }
    }

    fn fault(&self, error: &Error) -> End {
        let limit_bytes = self.gate.edge.bounds.socket_message_bytes as u64;
        let refused = |refusal| End::Cut(Rejection::Socket(refusal));
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                refused(SocketRefusal::MessageTooLarge { limit_bytes })
            }
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::ClientGone,
            Error::Protocol(_) | Error::Utf8(_) => {
                refused(SocketRefusal::Message { reason: "its frames are not a WebSocket's" })
            }
            _ => End::ClientGone,
        }
    }
}

/// A message for the client, what it says of the provider's work, and whether another answer may follow.
type Passed = (Message, Option<Work>, Result<(), Rejection>);

/// From the provider to the client.
struct Downward<'a> {
    edge: &'a Edge,
    claim: &'a Claim,
    protocol: SocketProtocol,
    redactor: &'a mut Redactor,
    turns: &'a Mutex<Turns>,
    spoken: &'a watch::Sender<Instant>,
    meter: &'a mut Meter,
}

impl Downward<'_> {
    async fn run<C, U>(mut self, from: &mut Reading<U>, to: &mut Writing<C>) -> End
    where
        C: AsyncRead + AsyncWrite + Unpin,
        U: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            let message = match from.next().await {
                Some(Ok(Message::Close(frame))) => return End::UpstreamClosed(frame),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(message)) => message,
                Some(Err(_)) | None => return End::UpstreamGone,
            };
            self.spoken.send_replace(Instant::now());
            let length = message.len() as u64;
            let (message, work, verdict) = match self.pass(message).await {
                Ok(passed) => passed,
                Err(rejection) => return End::Cut(rejection),
            };
            if to.send(message).await.is_err() {
                return End::ClientGone;
            }
            self.meter.delivered(length);
            self.meter.passed_message(work, self.turns.lock().await.model.as_deref());
            // The answer that spent the last of a budget is still delivered.
            if let Err(rejection) = verdict {
                return End::Cut(rejection);
            }
        }
    }

    async fn pass(&mut self, message: Message) -> Result<Passed, Rejection> {
        let refused = || Rejection::UpstreamReplyRefused { reason: "a message can't be read" };
        let (message, bytes) = match message {
            Message::Text(text) => {
                let bytes = blotted(self.redactor, &Bytes::from(text)).ok_or_else(refused)?;
                (Message::Text(Utf8Bytes::try_from(bytes.clone()).map_err(|_| refused())?), bytes)
            }
            Message::Binary(bytes) => {
                let bytes = blotted(self.redactor, &bytes).ok_or_else(refused)?;
                (Message::Binary(bytes.clone()), bytes)
            }
            other @ (Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => {
                return Ok((other, None, Ok(())));
            }
        };
        self.meter.received(&bytes);
        if !self.protocol.is_json() && !self.claim.demands.records() {
            return Ok((message, None, Ok(())));
        }
        let (work, verdict) = match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) => self.read(&value).await?,
            Err(_) => (None, Ok(())),
        };
        Ok((message, work, verdict))
    }

    /// Its objects get their owner before the client sees them; of what it used, the verdict comes after.
    async fn read(&mut self, value: &Value) -> Result<(Option<Work>, Result<(), Rejection>), Rejection> {
        self.edge.ledger.record(&self.claim.holder, &self.claim.demands.created(value)).await?;
        let heard = self.protocol.hear(value);
        if let Some(usage) = heard.usage {
            self.meter.answered(usage);
        }
        Ok((heard.work, self.turns.lock().await.hear(heard).await))
    }
}

/// What ends a socket that neither side does.
struct Overseer {
    edge: Arc<Edge>,
    spoken: watch::Receiver<Instant>,
    working: watch::Receiver<bool>,
    patience: Patience,
}

impl Overseer {
    async fn run(mut self, mut standing: StandingWatch) -> Rejection {
        let opened = Instant::now();
        let drained = async {
            self.edge.draining.cancelled().await;
            // An answer under way may end; the grace time is over when it is.
            let _ = self.working.wait_for(|working| !working).await;
        };
        tokio::select! {
            () = self.edge.cut_streams.cancelled() => Rejection::ShuttingDown,
            () = drained => Rejection::ShuttingDown,
            () = standing.revoked() => Rejection::AccessRevoked,
            () = sleep_until(opened + self.patience.open) => Rejection::Socket(SocketRefusal::OpenTooLong),
            () = silence(&self.spoken, self.patience.idle) => Rejection::Socket(SocketRefusal::Idle),
        }
    }
}

async fn silence(spoken: &watch::Receiver<Instant>, patience: Duration) {
    loop {
        let deadline = *spoken.borrow() + patience;
        if Instant::now() >= deadline {
            return;
        }
        sleep_until(deadline).await;
    }
}
