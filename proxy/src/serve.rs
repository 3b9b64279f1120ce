//! Accepts connections and lets them go: limits per address, sizes and times of HTTP, a graceful end.
//! Knows nothing of what is asked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::answer::answer;
use crate::config::{Bounds, Network};
use crate::edge::Edge;
use crate::patient_io::PatientIo;

const MAX_HEADER_FIELDS: usize = 64;
/// Also what is buffered of a reply before the upstream is no longer read.
const BUFFER_BYTES: usize = 64 << 10;
const MAX_HEADER_BYTES: u32 = 32 << 10;
/// After the grace time, for the last events of the streams that were cut.
const FAREWELL: Duration = Duration::from_secs(2);

pub struct Doorway {
    pub listener: TcpListener,
    pub edge: Arc<Edge>,
    /// Load balancers of the operator's: the limit per address is not for them.
    pub trusted: Vec<Network>,
}

impl Doorway {
    /// Serves until `stop`, then lets requests end within the grace time, then cuts what is left.
    pub async fn serve(self, stop: CancellationToken) {
        let bounds = self.edge.bounds;
        let (connections, callers) = (TaskTracker::new(), Callers::default());
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, &callers, &connections, &stop),
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
            let _ = timeout(FAREWELL, connections.wait()).await;
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        callers: &Callers,
        connections: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let bounds = self.edge.bounds;
        let address = peer.ip().to_canonical();
        let is_trusted = self.trusted.iter().any(|network| network.contains(address));
        let most = if is_trusted { usize::MAX } else { bounds.connections_per_address };
        let Some(place) = callers.enter(address, most) else {
            self.edge.metrics.connections_refused.inc();
            return;
        };
        // An event must not wait for the acknowledgement of the one before.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "no TCP_NODELAY");
        }
        let (edge, stop) = (self.edge.clone(), stop.clone());
        connections.spawn(async move {
            edge.metrics.connections_open.inc();
            converse(PatientIo::new(stream, bounds.head_read, bounds.write_stall), &edge, &stop).await;
            edge.metrics.connections_open.dec();
            drop(place);
        });
    }
}

async fn converse(io: PatientIo, edge: &Arc<Edge>, stop: &CancellationToken) {
    let service = service_fn(|request| {
        let edge = edge.clone();
        async move { Ok::<_, Infallible>(answer(edge, request).await) }
    });
    let http = protocols(&edge.bounds);
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

fn protocols(bounds: &Bounds) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head_read)
        .max_headers(MAX_HEADER_FIELDS)
        .max_buf_size(BUFFER_BYTES);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(64 << 10)
        .initial_connection_window_size(1 << 20)
        .max_send_buf_size(BUFFER_BYTES)
        .keep_alive_interval(Duration::from_secs(20));
    http
}

/// How many connections each address has.
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
