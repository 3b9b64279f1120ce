//! How clients reach the edges: one in the clear, the other by TLS under a certificate that the run makes; each by
//! HTTP/1.1 and by HTTP/2, and by a connection of its own for a WebSocket.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// More than all streams of one connection that nobody reads: they must not hold up the others, which is for the client
/// to see to.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 28;
const STREAM_WINDOW_BYTES: u32 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Clear,
    Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
}

impl Door {
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Clear => "http",
            Self::Tls => "https",
        }
    }
}

/// Made once in a run.
pub struct Papers {
    pub certificate: String,
    pub key: String,
    pem: Vec<u8>,
}

impl Papers {
    pub fn make(folder: &Path) -> Self {
        let path = |name: &str| folder.join(name).display().to_string();
        let (certificate, key) = (path("certificate.pem"), path("key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", &key, "-out", &certificate])
            .output();
        assert!(made.expect("openssl is there").status.success(), "a certificate can be made");
        let pem = std::fs::read(&certificate).expect("just made");
        Self { certificate, key, pem }
    }
}

/// What one round's users call with.
pub struct Clients {
    http1: Client,
    http2: Client,
    tls: TlsConnector,
}

/// Bytes both ways, in the clear or not.
pub trait Line: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

impl Clients {
    pub fn new(papers: &Papers, patience: Duration) -> Self {
        let trusted = Certificate::from_pem(&papers.pem).expect("PEM");
        let builder = || super::client_builder(patience).tls_certs_only([trusted.clone()]);
        let build = |builder: ClientBuilder| builder.build().expect("a client");
        let http2 = builder().http2_prior_knowledge().http2_initial_stream_window_size(STREAM_WINDOW_BYTES);
        let http2 = http2.http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&papers.pem).expect("PEM")).expect("a certificate");
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { http1: build(builder().http1_only()), http2: build(http2), tls: TlsConnector::from(Arc::new(tls)) }
    }

    /// Both doors are open to each.
    pub fn of(&self, version: Version) -> &Client {
        match version {
            Version::Http1 => &self.http1,
            Version::Http2 => &self.http2,
        }
    }

    pub async fn connect(&self, door: Door, address: &str) -> std::io::Result<Box<dyn Line>> {
        let stream = TcpStream::connect(address).await?;
        match door {
            Door::Clear => Ok(Box::new(stream)),
            Door::Tls => {
                let name = ServerName::try_from("127.0.0.1").expect("an address");
                Ok(Box::new(self.tls.connect(name, stream).await?))
            }
        }
    }
}
