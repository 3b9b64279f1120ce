//! The HTTP client behind the guard: no redirects, no proxies from the environment, bytes as they come.

use std::time::Duration;

use reqwest::redirect;

use crate::error::OutboundError;
use crate::{Guard, Reach};

/// How long a client waits. Streams have no total time.
#[derive(Clone, Copy, Debug)]
pub struct ClientTimes {
    /// Name resolution, TCP and TLS.
    pub connect: Duration,
    /// The longest silence between two reads, the wait for the answer's head included.
    pub idle: Option<Duration>,
    /// The whole exchange, body included.
    pub total: Option<Duration>,
}

impl Guard {
    /// Only for URLs that went through [`Guard::check_url`].
    ///
    /// # Panics
    /// When TLS can't be set up, which means that the machine has no root certificates; see [`Guard::try_client`].
    pub fn client(&self, times: &ClientTimes) -> reqwest::Client {
        self.try_client(times).expect("install the system's root certificates (package ca-certificates)")
    }

    pub fn try_client(&self, times: &ClientTimes) -> Result<reqwest::Client, OutboundError> {
        self.builder(times).build().map_err(|error| OutboundError::Client(error.to_string()))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes a client, behind the guard")]
    fn builder(&self, times: &ClientTimes) -> reqwest::ClientBuilder {
        let mut builder = reqwest::Client::builder()
            // A redirect would leave the checked URL, and carry provider keys in headers to another host.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            // Whether a request may be sent twice is the caller's decision.
            .retry(reqwest::retry::never())
            .https_only(self.reach() == Reach::PublicHttps)
            .dns_resolver(self.resolver())
            .connect_timeout(times.connect);
        if let Some(idle) = times.idle {
            builder = builder.read_timeout(idle);
        }
        if let Some(total) = times.total {
            builder = builder.timeout(total);
        }
        builder
    }
}
