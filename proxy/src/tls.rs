//! TLS at the edge's own door: the certificate's files are read again when they change, and a connection that stands keeps
//! what it began with. A file that can't be used changes nothing but the log.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{error, info};
use zeroize::Zeroizing;

use crate::metrics::Metrics;

/// No notice comes from every kind of disk; two small files are read instead.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Both in PEM: the certificate first, then those that vouch for it; and its private key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{} can't be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is no PEM file of what is wanted there: {source}", path.display())]
    NoPem { path: PathBuf, source: pem::Error },
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    #[error("certificate and key can't be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    files: TlsFiles,
    served: Arc<Served>,
}

#[derive(Debug)]
struct Served(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

type Hash = [u8; 32];

/// The files as they were read together.
struct Read {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Read {
    fn digest(&self) -> Hash {
        let length = (self.certificate.len() as u64).to_be_bytes();
        let hash = Sha256::new().chain_update(length).chain_update(&self.certificate).chain_update(&*self.key);
        hash.finalize().into()
    }
}

impl TlsFiles {
    fn read(&self) -> Result<Read, TlsError> {
        let read =
            |path: &PathBuf| fs::read(path).map_err(|source| TlsError::Unreadable { path: path.clone(), source });
        Ok(Read { certificate: read(&self.certificate)?, key: Zeroizing::new(read(&self.key)?) })
    }

    fn certified(&self, read: &Read, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let no_pem = |path: &PathBuf| {
            let path = path.clone();
            |source| TlsError::NoPem { path, source }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read.certificate).collect();
        let chain = chain.map_err(no_pem(&self.certificate))?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate(self.certificate.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(&read.key).map_err(no_pem(&self.key))?;
        Ok(CertifiedKey::from_der(chain, key, provider)?)
    }
}

impl Tls {
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certified = files.certified(&files.read()?, &provider)?;
        let served = Arc::new(Served(ArcSwap::from_pointee(certified)));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(served.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), files, served })
    }

    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.acceptor.accept(stream).await
    }

    /// Never ends.
    pub async fn reload(self, metrics: Metrics) {
        let mut seen = self.files.read().ok().map(|read| read.digest());
        loop {
            sleep(LOOK_EVERY).await;
            let tls = self.clone();
            let Ok(looked) = tokio::task::spawn_blocking(move || tls.look(seen)).await else { continue };
            match looked {
                Looked::Same => {}
                Looked::Renewed(digest) => {
                    seen = Some(digest);
                    info!("another certificate is served");
                }
                Looked::Bad(digest, error) => {
                    // Once for what is wrong with them, however long it stays so.
                    if digest != seen {
                        metrics.tls_reloads_failed.inc();
                        error!(%error, "KEYWARD_TLS_CERT or KEYWARD_TLS_KEY changed and can't be used; the one before is served on");
                    }
                    seen = digest;
                }
            }
        }
    }

    fn look(&self, seen: Option<Hash>) -> Looked {
        let read = match self.files.read() {
            Ok(read) => read,
            Err(error) => return Looked::Bad(None, error),
        };
        let digest = read.digest();
        if seen == Some(digest) {
            return Looked::Same;
        }
        match self.files.certified(&read, self.acceptor.config().crypto_provider()) {
            Ok(certified) => {
                self.served.0.store(Arc::new(certified));
                Looked::Renewed(digest)
            }
            Err(error) => Looked::Bad(Some(digest), error),
        }
    }
}

/// What a look at the files found; of bad ones that could be read, also what they were.
enum Looked {
    Same,
    Renewed(Hash),
    Bad(Option<Hash>, TlsError),
}
