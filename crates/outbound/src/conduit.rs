//! The way out for calls that are on the path of a user's request: connections are kept and shared, and a request is sent
//! as it stands, without redirects, cookies or decoding. The same guard holds as for every other client.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::timeout;
use tower_service::Service;

use crate::error::OutboundError;
use crate::lookup::GuardedResolver;
use crate::{Guard, Reach};

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// Known as a whole, or written while it is read.
pub type ConduitBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, BoxError>>;

/// A connection that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(90);
/// A silent connection is asked so often whether the other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// What is read of an answer before somebody wants it. The library's own bound is 400 KiB a connection.
const BUFFER_BYTES: usize = 64 << 10;

/// Which protocols may be spoken; over TLS, the other end chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    Http1And2,
    /// For connections that become something else.
    Http1,
}

/// Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Conduit {
    client: Client<Timely<HttpsConnector<HttpConnector<GuardedResolver>>>, ConduitBody>,
}

#[derive(Debug, thiserror::Error)]
#[error("the call failed")]
pub struct CallError {
    /// No connection came about: the other end has seen nothing.
    pub connecting: bool,
    source: Error,
}

impl Guard {
    /// Only for URLs that went through [`Guard::check_url`]. `connect` is for name resolution, TCP and TLS.
    pub fn conduit(&self, connect: Duration, protocols: Protocols) -> Result<Conduit, OutboundError> {
        let refused = |error: rustls::Error| OutboundError::Client(error.to_string());
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(refused)?
            .with_no_client_auth();
        let mut http = HttpConnector::new_with_resolver(GuardedResolver::clone(&self.resolver()));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(KEEPALIVE));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls);
        let https = match self.reach() {
            Reach::PublicHttps => https.https_only(),
            Reach::PublicHttpsAndLoopback => https.https_or_http(),
        };
        let connector = match protocols {
            Protocols::Http1And2 => https.enable_http1().enable_http2().wrap_connector(http),
            Protocols::Http1 => https.enable_http1().wrap_connector(http),
        };
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).timer(TokioTimer::new()).pool_idle_timeout(IDLE);
        client.http1_max_buf_size(BUFFER_BYTES);
        if protocols == Protocols::Http1 {
            // What was upgraded never comes back.
            client.pool_max_idle_per_host(0);
        }
        Ok(Conduit { client: client.build(Timely { connector, connect }) })
    }
}

impl Conduit {
    /// The head of the answer. A request whose connection turns out to be closed before anything of it was sent goes over
    /// another one; else it is sent once.
    pub fn call(
        &self,
        request: Request<ConduitBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, CallError>> + Send + use<> {
        let answer = self.client.request(request);
        async { answer.await.map_err(|source| CallError { connecting: source.is_connect(), source }) }
    }
}

/// The next piece of an answer's body.
pub async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>, hyper::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame?.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// Gives up connecting after a while.
#[derive(Clone)]
struct Timely<C> {
    connector: C,
    connect: Duration,
}

impl<C> Service<Uri> for Timely<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = timeout(self.connect, self.connector.call(target));
        Box::pin(async move { connecting.await? })
    }
}
