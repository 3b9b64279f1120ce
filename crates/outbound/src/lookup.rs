//! Name resolution that refuses a host when any of its answers is not public.
//! The client connects to exactly the addresses returned here, so nothing can change between check and use.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower_service::Service;

use crate::address::{is_global_unicast, is_loopback};
use crate::error::OutboundError;
use crate::target::is_localhost;
use crate::{Guard, Reach};

type Answers = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Where answers to a name come from.
pub struct Lookup(Box<dyn Fn(String) -> Answers + Send + Sync>);

impl Lookup {
    /// The operating system's resolver.
    pub fn system() -> Self {
        Self::from_fn(|host| async move { Ok(tokio::net::lookup_host((host, 0)).await?.collect()) })
    }

    pub fn from_fn<F, A>(answer: F) -> Self
    where
        F: Fn(String) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Box::new(move |host| Box::pin(answer(host))))
    }
}

impl Guard {
    /// The addresses that may be connected to for this host: all of its answers, or none.
    pub async fn resolve(&self, host: &str) -> Result<Vec<SocketAddr>, OutboundError> {
        let answers = (self.lookup.0)(host.to_owned()).await;
        let addresses = answers.map_err(|_| OutboundError::Unresolvable(host.to_owned()))?;
        if addresses.is_empty() {
            return Err(OutboundError::Unresolvable(host.to_owned()));
        }
        if addresses.iter().all(|address| self.may_connect(host, address)) {
            return Ok(addresses);
        }
        Err(OutboundError::NotPublic(host.to_owned()))
    }

    /// Loopback is for the names of this machine only: a public name that points at it is an attack in development too.
    fn may_connect(&self, host: &str, address: &SocketAddr) -> bool {
        match self.reach {
            Reach::PublicHttpsAndLoopback if is_localhost(host) => is_loopback(address.ip()),
            Reach::PublicHttpsAndLoopback | Reach::PublicHttps => is_global_unicast(address.ip()),
        }
    }

    pub(crate) fn resolver(&self) -> Arc<GuardedResolver> {
        Arc::new(GuardedResolver(self.clone()))
    }
}

#[derive(Clone)]
pub(crate) struct GuardedResolver(Guard);

impl Service<dns::Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, OutboundError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), OutboundError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        let guard = self.0.clone();
        Box::pin(async move { Ok(guard.resolve(name.as_str()).await?.into_iter()) })
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let addresses = guard.resolve(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
