//! A WebSocket between a client and a provider, once both have agreed: made by the pipeline, run by the connection.
//! Messages are taken apart and put together again, for the rules, the objects and the meter read them.

mod gate;
mod lines;
mod turns;

use std::sync::{Arc, Mutex as PlainMutex, PoisonError};

use futures::future::BoxFuture;
use http::Response;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use keyward_domain::body_rules::Ruling;
use keyward_domain::catalogue;
use keyward_domain::rejection::Rejection;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tracing::debug;

use crate::edge::Edge;
use crate::meter::Meter;
use crate::patience::Patience;
use crate::redactor::Redactor;
use crate::snapshot::ServedProxy;
use crate::socket::gate::Gate;
use crate::socket::lines::Lines;
use crate::steps::authorize::Endpoint;
use crate::steps::forward::Reply;
use crate::steps::upgrade::Asked;
pub use turns::{Terms, Turns};

/// What is read at once; a message may be longer.
const READ_BYTES: usize = 8 << 10;

/// By what was checked before the provider was asked.
pub struct Agreement {
    pub asked: Asked,
    pub ruling: Option<Ruling>,
    pub turns: Turns,
}

impl Agreement {
    /// Reserves for the first answer, unless its model is only named over the socket.
    pub async fn reserve(
        edge: &Arc<Edge>,
        proxy: &Arc<ServedProxy>,
        terms: Terms,
        endpoint: &Endpoint,
        (asked, ruling): (Asked, Option<Ruling>),
    ) -> Result<Self, Rejection> {
        let protocol = catalogue::socket_protocol(&proxy.provider.name, &endpoint.path);
        let mut turns = Turns::new(edge.clone(), proxy.clone(), terms, protocol);
        if protocol.opening().is_none() {
            turns.begin(endpoint.model(None)).await?;
        }
        Ok(Self { asked, ruling, turns })
    }
}

/// What the provider made of it.
pub enum Agreed {
    Socket(Box<Opening>),
    /// An answer of another kind, to be passed on as any reply is.
    Reply(Box<Reply>),
}

/// Both sides have agreed; the client does not know it yet.
pub struct Opening {
    edge: Arc<Edge>,
    gate: Gate,
    turns: Turns,
    patience: Patience,
    redactor: Redactor,
    response: Response<Incoming>,
    on_upgrade: OnUpgrade,
    headers: HeaderMap,
}

impl Opening {
    pub fn of(edge: &Arc<Edge>, agreement: Agreement, reply: Reply) -> Result<Agreed, Rejection> {
        if reply.response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Agreed::Reply(Box::new(reply)));
        }
        let Agreement { asked, ruling, turns } = agreement;
        let Reply { proxy, claim, response, key, greeting, .. } = reply;
        let greeting = greeting.ok_or(Rejection::UpstreamReplyRefused { reason: "it switched protocols unasked" })?;
        let protocol = greeting.check(response.headers())?;
        let (headers, on_upgrade) = asked.agreed(protocol);
        Ok(Agreed::Socket(Box::new(Self {
            edge: edge.clone(),
            patience: Patience::of_socket(&key.via.policy.timeouts, &edge.bounds),
            redactor: Redactor::new(key.key().expose()),
            gate: Gate {
                edge: edge.clone(),
                proxy,
                claim: Arc::new(claim),
                protocol: turns.protocol,
                ruling,
                is_introduced: false,
            },
            turns,
            response,
            on_upgrade,
            headers,
        })))
    }

    /// The head of the answer, and what goes on when it was sent.
    pub fn begin(self, meter: Meter) -> (HeaderMap, BoxFuture<'static, ()>) {
        let headers = self.headers.clone();
        (headers, Box::pin(self.run(meter)))
    }

    async fn run(self, meter: Meter) {
        let Self { edge, gate, mut turns, patience, redactor, response, on_upgrade, .. } = self;
        let upgraded =
            timeout(patience.connect, async { tokio::join!(on_upgrade, hyper::upgrade::on(response)) }).await;
        let Ok((Ok(client), Ok(upstream))) = upgraded else {
            debug!("a socket was agreed to and did not come about");
            return;
        };
        let mut config = WebSocketConfig::default().read_buffer_size(READ_BYTES).write_buffer_size(0);
        let most = edge.bounds.socket_message_bytes;
        config = config.max_message_size(Some(most)).max_frame_size(Some(most)).max_write_buffer_size(2 * most);
        let client = WebSocketStream::from_raw_socket(TokioIo::new(client), Role::Server, Some(config)).await;
        let upstream = WebSocketStream::from_raw_socket(TokioIo::new(upstream), Role::Client, Some(config)).await;
        turns.opened();
        Lines::new(edge, gate, turns, redactor).run((client, upstream), patience, meter).await;
    }
}

/// What a connection does after its last answer, if that was an upgrade.
#[derive(Clone, Default)]
pub struct Afterwards(Arc<PlainMutex<Option<BoxFuture<'static, ()>>>>);

impl Afterwards {
    pub fn set(&self, what: BoxFuture<'static, ()>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    pub async fn run(&self) {
        let what = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(what) = what {
            what.await;
        }
    }
}
