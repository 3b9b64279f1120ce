//! Accepts connections and lets them go: limits per address, and an end in order. Knows nothing of what is asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::client_address::ClientAddress;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::callers::Callers;
use crate::conversation::{Ends, converse};
use crate::edge::Edge;
use crate::listening::ListenerKind;
use crate::tls::Tls;

/// After the grace time, for the last events of the streams that were cut.
const FAREWELL: Duration = Duration::from_secs(2);

pub struct Doorway {
    pub listener: TcpListener,
    pub kind: ListenerKind,
    pub tls: Option<Tls>,
    pub edge: Arc<Edge>,
}

impl Doorway {
    /// Serves until `stop`, and on for the lame-duck time, in which load balancers learn of it. Then lets requests end
    /// within the grace time, then cuts what is left.
    pub async fn serve(self, stop: CancellationToken) {
        let ends = Ends { leaving: stop, stop: CancellationToken::new(), gone: CancellationToken::new() };
        let hall =
            Hall { tls: self.tls, edge: self.edge, callers: Callers::default(), connections: TaskTracker::new(), ends };
        let lame_duck = hall.edge.bounds.lame_duck;
        tokio::select! {
            () = hall.accept(&self.listener) => {}
            () = async {
                hall.ends.leaving.cancelled().await;
                sleep(lame_duck).await;
            } => {}
        }
        hall.admit_last(self.listener, self.kind);
        hall.end().await;
    }
}

/// All connections that are served.
struct Hall {
    tls: Option<Tls>,
    edge: Arc<Edge>,
    callers: Callers,
    connections: TaskTracker,
    ends: Ends,
}

impl Hall {
    /// Never ends.
    async fn accept(&self, listener: &TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer),
                Err(error) => {
                    // Usually no file descriptor is free; some will be soon.
                    warn!(%error, "a connection could not be accepted");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// With a socket of our own, what waits to be accepted would be reset; of one that others hold, they accept it.
    fn admit_last(&self, listener: TcpListener, kind: ListenerKind) {
        let Ok(listener) = listener.into_std() else { return };
        match kind {
            ListenerKind::Handed => return,
            ListenerKind::Own | ListenerKind::Shared => {}
        }
        while let Ok((stream, peer)) = listener.accept() {
            match stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                Ok(stream) => self.admit(stream, peer),
                Err(error) => debug!(%error, "a connection was lost at the end"),
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let bounds = self.edge.bounds;
        let address = peer.ip().to_canonical();
        // The limit is not for the operator's own load balancers.
        let is_trusted = self.edge.forwarding.trusts(address);
        let caller = ClientAddress::new(address).network();
        let most = if is_trusted { usize::MAX } else { bounds.connections_per_address };
        let Some(place) = self.callers.enter(caller, most) else {
            self.edge.metrics.connections_refused.inc();
            return;
        };
        // An event must not wait for the acknowledgement of the one before.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "no TCP_NODELAY");
        }
        let (edge, tls, ends) = (self.edge.clone(), self.tls.clone(), self.ends.clone());
        self.connections.spawn(async move {
            edge.metrics.connections_open.inc();
            let conversation = converse(stream, address, &edge, tls.as_ref(), &ends);
            tokio::select! {
                () = conversation => {}
                () = ends.gone.cancelled() => {}
            }
            edge.metrics.connections_open.dec();
            drop(place);
        });
    }

    async fn end(self) {
        let Self { edge, connections, ends, .. } = self;
        ends.stop.cancel();
        edge.draining.cancel();
        connections.close();
        info!(open = connections.len(), "stopping: no new connections; requests may end");
        if timeout(edge.bounds.shutdown_grace, connections.wait()).await.is_err() {
            warn!(open = connections.len(), "the grace time is over; open streams are cut");
            edge.cut_streams.cancel();
            if timeout(FAREWELL, connections.wait()).await.is_err() {
                // Every request in them must have reported its usage before the queue closes.
                ends.gone.cancel();
                connections.wait().await;
            }
        }
    }
}
