//! Which reverse proxies are the operator's own, and how they say for whom they speak.

use std::net::IpAddr;

use http::HeaderMap;
use keyward_domain::client_address::{ClientAddress, ForwardedField};
use keyward_domain::ip_rules::Network;

#[derive(Clone, Debug, Default)]
pub struct Forwarding {
    pub trusted: Vec<Network>,
    pub field: ForwardedField,
}

impl Forwarding {
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let lines = headers.get_all(self.field.name());
        // A line that is no text ends the walk as any other that can't be read.
        self.field.client(peer, &self.trusted, lines.iter().map(|line| line.to_str().unwrap_or_default()))
    }
}
