//! Who is at the other end: the connection's peer, or whom the operator's own reverse proxies say they speak for.
//! Nothing that a client writes into a header field counts unless each hop that passed it on is trusted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::ip_rules::Network;

/// The caller's address, as far as it can be trusted. An IPv4 address is never written as IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// Whom it belongs to: with IPv6, one customer has at least a /64 of addresses (RFC 6177).
    pub fn network(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The one field that the operator's reverse proxies write. The other is the client's own and is never read: a proxy
/// that writes one of them passes the other on untouched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedField {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be x-forwarded-for or forwarded")]
pub struct ParseForwardedFieldError;

impl FromStr for ForwardedField {
    type Err = ParseForwardedFieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err(ParseForwardedFieldError),
        }
    }
}

impl ForwardedField {
    /// Lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }

    /// Walks from the connection towards the client, and stops at the first hop that is not trusted or can't be read.
    pub fn client<'h>(
        self,
        peer: IpAddr,
        trusted: &[Network],
        lines: impl DoubleEndedIterator<Item = &'h str>,
    ) -> ClientAddress {
        let is_trusted = |address: ClientAddress| trusted.iter().any(|network| network.contains(address.0));
        let mut address = ClientAddress::new(peer);
        for hop in lines.rev().flat_map(|line| line.rsplit(',')) {
            if !is_trusted(address) {
                break;
            }
            let Some(next) = self.hop(hop.trim()) else { break };
            address = ClientAddress::new(next);
        }
        address
    }

    fn hop(self, text: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => node(text),
            Self::Forwarded => {
                let mut named = text.split(';').filter_map(|pair| pair.split_once('='));
                let mut named = named.by_ref().filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
                let (_, value) = named.next().filter(|_| named.next().is_none())?;
                node(value.trim().trim_matches('"'))
            }
        }
    }
}

/// An address, perhaps with a port, IPv6 perhaps in brackets. `unknown` and hidden names are no address.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(field: ForwardedField, trusted: &str, peer: &str, lines: &[&str]) -> String {
        let trusted: Vec<Network> = trusted.split_whitespace().map(|text| text.parse().expect("a network")).collect();
        field.client(peer.parse().expect("an address"), &trusted, lines.iter().copied()).to_string()
    }

    #[test]
    fn a_forwarded_address_counts_only_as_far_as_trusted_proxies_wrote_it() {
        for (trusted, peer, lines, want) in [
            ("", "192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.0/8", "192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            ("10.0.0.0/8", "10.1.2.3", &[], "10.1.2.3"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9, nonsense, 10.9.9.9"], "10.9.9.9"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9,"], "10.1.2.3"),
            ("10.0.0.0/8", "10.1.2.3", &["unknown"], "10.1.2.3"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("2001:db8::/32", "2001:db8::9", &["203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(client(ForwardedField::XForwardedFor, trusted, peer, lines), want, "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_standard_field_is_read_where_it_is_the_one_configured() {
        for (line, want) in [
            ("for=203.0.113.9;proto=https", "203.0.113.9"),
            ("for=198.51.100.1, For=\"[2001:db8::1]:80\";by=10.0.0.1", "2001:db8::1"),
            ("for=_hidden", "10.1.2.3"),
            ("proto=https", "10.1.2.3"),
            ("for=203.0.113.9;for=203.0.113.10", "10.1.2.3"),
        ] {
            assert_eq!(client(ForwardedField::Forwarded, "10.0.0.0/8", "10.1.2.3", &[line]), want, "{line}");
        }
    }

    #[test]
    fn the_addresses_of_one_customer_count_together() {
        let network = |text: &str| ClientAddress::new(text.parse().expect("an address")).network();
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
