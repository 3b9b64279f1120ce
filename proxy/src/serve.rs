//! Accepts connections and lets them go: limits per address, sizes and times of HTTP, a graceful end.
//! Knows nothing of what is asked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keyward_domain::client_address::ClientAddress;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::answer::{Peer, answer};
use crate::config::Bounds;
use crate::edge::Edge;
use crate::head_watch::{HeadWatch, Heads};
use crate::patient_io::PatientIo;

const MAX_HEADER_FIELDS: usize = 64;
/// Also what is buffered of a reply before the upstream is no longer read.
const BUFFER_BYTES: usize = 64 << 10;
/// After the grace time, for the last events of the streams that were cut.
const FAREWELL: Duration = Duration::from_secs(2);

pub struct Doorway {
    pub listener: TcpListener,
    pub edge: Arc<Edge>,
}

impl Doorway {
    /// Serves until `stop`, then lets requests end within the grace time, then cuts what is left.
    pub async fn serve(self, stop: CancellationToken) {
        let bounds = self.edge.bounds;
        let (connections, callers, gone) = (TaskTracker::new(), Callers::default(), CancellationToken::new());
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let ends = Ends { stop: stop.clone(), gone: gone.clone() };
                    self.admit((stream, peer), &callers, &connections, &ends);
                }
                Err(error) => {
                    // Usually no file descriptor is free; some will be soon.
                    warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(self.listener);
        connections.close();
        info!(open = connections.len(), "stopping: no new connections; requests may end");
        if timeout(bounds.shutdown_grace, connections.wait()).await.is_err() {
            warn!(open = connections.len(), "the grace time is over; open streams are cut");
            self.edge.cut_streams.cancel();
            if timeout(FAREWELL, connections.wait()).await.is_err() {
                // Every request in them must have reported its usage before the queue closes.
                gone.cancel();
                connections.wait().await;
            }
        }
    }

    fn admit(
        &self,
        (stream, peer): (TcpStream, SocketAddr),
        callers: &Callers,
        connections: &TaskTracker,
        ends: &Ends,
    ) {
        let bounds = self.edge.bounds;
        let address = peer.ip().to_canonical();
        // The limit is not for the operator's own load balancers.
        let is_trusted = self.edge.forwarding.trusts(address);
        let caller = ClientAddress::new(address).network();
        let most = if is_trusted { usize::MAX } else { bounds.connections_per_address };
        let Some(place) = callers.enter(caller, most) else {
            self.edge.metrics.connections_refused.inc();
            return;
        };
        // An event must not wait for the acknowledgement of the one before.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "no TCP_NODELAY");
        }
        let (edge, ends) = (self.edge.clone(), ends.clone());
        connections.spawn(async move {
            edge.metrics.connections_open.inc();
            let conversation = converse(stream, address, &edge, &ends.stop);
            tokio::select! {
                () = conversation => {}
                () = ends.gone.cancelled() => {}
            }
            edge.metrics.connections_open.dec();
            drop(place);
        });
    }
}

/// How a connection may end from our side.
#[derive(Clone)]
struct Ends {
    /// After the request that is under way.
    stop: CancellationToken,
    /// Now.
    gone: CancellationToken,
}

async fn converse(stream: TcpStream, address: IpAddr, edge: &Arc<Edge>, stop: &CancellationToken) {
    let heads = Heads::default();
    let watch = HeadWatch::new(heads.clone());
    let io = PatientIo::new(stream, edge.bounds.head_read, edge.bounds.write_stall, watch);
    let service = service_fn(|request| {
        let (edge, peer) = (edge.clone(), Peer { address, heads: heads.clone() });
        async move { Ok::<_, Infallible>(answer(edge, peer, request).await) }
    });
    let http = protocol(&edge.bounds);
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended badly");
    }
}

/// HTTP/1.1 only. A client of HTTP/2 could open a hundred streams and read none of them, and their time would not run:
/// what stalls there is a window, not a write.
fn protocol(bounds: &Bounds) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.head_read)
        .max_headers(MAX_HEADER_FIELDS)
        .max_buf_size(BUFFER_BYTES);
    http
}

/// How many connections each caller has.
#[derive(Clone, Default)]
struct Callers(Arc<Mutex<HashMap<IpAddr, usize>>>);

struct Place {
    callers: Callers,
    address: IpAddr,
}

impl Callers {
    fn enter(&self, address: IpAddr, most: usize) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place { callers: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.callers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
