//! The guarded way out: which URLs and addresses we may call, checked when the connection is made.
//! Every request to an address that a developer chose (base URLs, key sets, discovery) goes through here.
//! Must not know what is requested, or why.

mod address;
mod client;
mod conduit;
mod error;
mod lookup;
mod target;

use std::sync::Arc;

use url::Url;

pub use address::is_global_unicast;
pub use client::ClientTimes;
pub use conduit::{BoxError, CallError, Conduit, ConduitBody, Protocols, next_piece};
pub use error::{OutboundError, refusal_in};
pub use lookup::Lookup;

/// How far out we may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// https on port 443 of public addresses; the only choice in production.
    PublicHttps,
    /// The same, and http or https on any port of this machine, for the emulator. Development only.
    PublicHttpsAndLoopback,
}

/// Decides about URLs and addresses, and makes clients that can't get around the decision. Cheap to clone.
#[derive(Clone)]
pub struct Guard {
    reach: Reach,
    lookup: Arc<Lookup>,
}

impl Guard {
    pub fn new(reach: Reach) -> Self {
        Self::with_lookup(reach, Lookup::system())
    }

    /// A guard that asks another resolver, so that a test can answer for a name.
    pub fn with_lookup(reach: Reach, lookup: Lookup) -> Self {
        Self { reach, lookup: Arc::new(lookup) }
    }

    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Parses and checks in one go.
    pub fn parse_url(&self, text: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(text.trim()).map_err(|error| OutboundError::NotAUrl(error.to_string()))?;
        self.check_url(&url)?;
        Ok(url)
    }

    /// What can be known from the URL alone. Needed before every use of a client:
    /// an IP literal never meets the resolver, so this check is the one that stops it.
    pub fn check_url(&self, url: &Url) -> Result<(), OutboundError> {
        target::check(self.reach, url)
    }
}
