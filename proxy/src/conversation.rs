//! One connection from its first byte to its last: TLS if there is any, HTTP/1.1 or HTTP/2, sizes and times of both, and
//! a graceful end. Knows nothing of what is asked.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::answer::{Peer, answer};
use crate::config::Bounds;
use crate::edge::Edge;
use crate::head_watch::Heads;
use crate::patient_io::PatientIo;
use crate::patient_stream::{Streams, patient};
use crate::socket::Afterwards;
use crate::tls::Tls;
use crate::wire_watch::{Wire, WireWatch};

const MAX_HEADER_FIELDS: usize = 64;
const MAX_HEADER_BYTES: u32 = 32 << 10;
/// Also what is buffered of a reply before the upstream is no longer read.
const BUFFER_BYTES: usize = 64 << 10;
/// What a client may send of one body, and of all of a connection's, before it is read.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// A connection that was accepted at the very end may still say what it wants.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// How a connection may end from our side.
#[derive(Clone)]
pub struct Ends {
    /// Soon: another connection would be better.
    pub leaving: CancellationToken,
    /// After the requests that are under way.
    pub stop: CancellationToken,
    /// Now.
    pub gone: CancellationToken,
}

pub async fn converse(stream: TcpStream, address: IpAddr, edge: &Arc<Edge>, tls: Option<&Tls>, ends: &Ends) {
    let Some(tls) = tls else { return speak(stream, address, edge, ends).await };
    match timeout(edge.bounds.tls_handshake, tls.accept(stream)).await {
        Ok(Ok(stream)) => speak(stream, address, edge, ends).await,
        Ok(Err(error)) => {
            edge.metrics.tls_handshakes_failed.inc();
            debug!(%error, "a TLS handshake failed");
        }
        Err(_) => edge.metrics.tls_handshakes_failed.inc(),
    }
}

async fn speak<S>(stream: S, address: IpAddr, edge: &Arc<Edge>, ends: &Ends)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (bounds, heads) = (&edge.bounds, Heads::default());
    let (wire, spoken) = watch::channel(Wire::Silent);
    let io = PatientIo::new(stream, bounds.head_read, bounds.write_stall, WireWatch::new(wire.clone(), heads.clone()));
    let afterwards = Afterwards::default();
    let service = service_fn(|request: Request<Incoming>| {
        let (leaving, afterwards) = (ends.leaving.clone(), afterwards.clone());
        let peer = Peer { address, heads: heads.clone(), leaving, afterwards };
        let edge = edge.clone();
        async move {
            let is_stream = request.version() == Version::HTTP_2;
            let answer = answer(edge, peer, request).await;
            Ok::<_, Infallible>(if is_stream { answer.map(patient) } else { answer })
        }
    });
    let http = protocols(bounds, Streams { wire, write_stall: bounds.write_stall });
    let mut connection = pin!(http.serve_connection_with_upgrades(TokioIo::new(io), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = asked_to_end(spoken.clone(), bounds.head_read, &ends.stop) => {
            // Of HTTP/2: GOAWAY, and what was begun is ended.
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                // Nobody answers.
                () = is_idle(spoken, bounds.head_read) => return,
            }
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended badly");
    }
    // Of an upgraded connection this is the longer part: it keeps its place, and is waited for at the stop.
    afterwards.run().await;
}

fn protocols(bounds: &Bounds, streams: Streams) -> auto::Builder<Streams> {
    let mut http = auto::Builder::new(streams);
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_read)
        .max_headers(MAX_HEADER_FIELDS)
        .max_buf_size(BUFFER_BYTES);
    // Floods of resets, settings, pings and continuations end the connection (the library's own bounds).
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams_per_connection)
        .max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(BUFFER_BYTES);
    http
}

/// Returns at the stop, or when a connection of HTTP/2 has had no request for as long as one may take to come.
async fn asked_to_end(mut spoken: watch::Receiver<Wire>, patience: Duration, stop: &CancellationToken) {
    let idle = is_idle(spoken.clone(), patience);
    tokio::select! {
        () = stop.cancelled() => {
            // Ended before its first byte, it would be cut off with its request on the way.
            let _ = timeout(FIRST_WORD, spoken.wait_for(|wire| *wire != Wire::Silent)).await;
        }
        () = idle => {}
    }
}

/// Returns when HTTP/2 has had no stream for so long.
async fn is_idle(mut spoken: watch::Receiver<Wire>, patience: Duration) {
    let is_empty = |wire: &Wire| *wire == Wire::Http2 { streams: 0 };
    while spoken.wait_for(is_empty).await.is_ok() {
        if timeout(patience, spoken.wait_for(|wire| !is_empty(wire))).await.is_err() {
            return;
        }
    }
    std::future::pending::<()>().await;
}
