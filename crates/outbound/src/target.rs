//! What a URL alone tells: scheme, port, credentials, literal addresses.

use std::net::IpAddr;

use url::{Host, Url};

use crate::Reach;
use crate::address::is_loopback;
use crate::error::OutboundError;

const MAX_URL_CHARS: usize = 2048;

pub(crate) fn check(reach: Reach, url: &Url) -> Result<(), OutboundError> {
    if url.as_str().len() > MAX_URL_CHARS {
        return Err(OutboundError::TooLong);
    }
    let is_http = url.scheme() == "http";
    if !is_http && url.scheme() != "https" {
        return Err(OutboundError::NotHttps);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OutboundError::Credentials);
    }
    let host = url.host().ok_or(OutboundError::NoHost)?;
    if names_this_machine(&host) {
        return match reach {
            Reach::PublicHttpsAndLoopback => Ok(()),
            Reach::PublicHttps => Err(OutboundError::Loopback(host.to_string())),
        };
    }
    if is_http {
        return Err(OutboundError::NotHttps);
    }
    match (host, url.port()) {
        (Host::Ipv4(_) | Host::Ipv6(_), _) => Err(OutboundError::IpLiteral),
        (Host::Domain(_), Some(port)) => Err(OutboundError::Port(port)),
        (Host::Domain(name), None) => check_name(name),
    }
}

/// `localhost` and what RFC 6761 puts under it, and literal loopback addresses.
fn names_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_localhost(name),
        Host::Ipv4(address) => is_loopback(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_loopback(IpAddr::V6(*address)),
    }
}

pub(crate) fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// A name without a dot is looked up in our own network's search domain.
fn check_name(name: &str) -> Result<(), OutboundError> {
    let is_qualified = name.trim_end_matches('.').contains('.');
    if is_qualified { Ok(()) } else { Err(OutboundError::NotPublic(name.to_owned())) }
}
