//! Which address a request came from. `X-Forwarded-For` is believed only as far as trusted reverse proxies wrote it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use keyward_app::context::VisitorAddress;

/// `10.0.0.0/8`, `192.0.2.7` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    base: IpAddr,
    prefix: u32,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is neither an address nor a block such as 10.0.0.0/8")]
pub struct ParseBlockError(String);

impl Block {
    fn parse(text: &str) -> Result<Self, ParseBlockError> {
        let fault = || ParseBlockError(text.to_owned());
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.parse().map_err(|_| fault())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(longest), str::parse).map_err(|_| fault())?;
        if prefix <= longest { Ok(Self { base, prefix }) } else { Err(fault()) }
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                u32::from(base) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                u128::from(base) & mask == u128::from(address) & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The reverse proxies in front of us; none unless configured.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[Block]>);

impl TrustedProxies {
    /// Blocks separated by commas, or `none`.
    pub fn parse(text: &str) -> Result<Self, ParseBlockError> {
        if text == "none" {
            return Ok(Self::default());
        }
        let blocks = text.split(',').map(str::trim).filter(|block| !block.is_empty()).map(Block::parse);
        blocks.collect::<Result<_, _>>().map(Self)
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(address))
    }

    /// Walks from the connection toward the visitor and stops at the first address that is not ours to trust.
    pub fn visitor(&self, connected: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = connected.to_canonical();
        let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(next) = parse_hop(hop.trim()) else { break };
            if !self.contains(address) {
                break;
            }
            address = next.to_canonical();
        }
        address
    }
}

/// Some reverse proxies write the port too.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

pub async fn find(State(trusted): State<TrustedProxies>, mut request: Request, next: Next) -> Response {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let connected = connected.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let visitor = trusted.visitor(connected, request.headers());
    request.extensions_mut().insert(VisitorAddress(visitor));
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(trusted: &str, connected: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", http::HeaderValue::from_static(line));
        }
        let trusted = TrustedProxies::parse(trusted).expect("blocks");
        trusted.visitor(connected.parse().expect("address"), &headers).to_string()
    }

    #[test]
    fn believes_a_forwarded_address_only_from_a_trusted_proxy() {
        for (trusted, connected, forwarded, want) in [
            ("", "192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["nonsense"], "10.1.2.3"),
            ("10.0.0.0/8", "10.1.2.3", &["203.0.113.9:4711"], "203.0.113.9"),
            ("10.0.0.0/8", "10.1.2.3", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("none", "10.1.2.3", &["203.0.113.9"], "10.1.2.3"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", &["2001:db8::1"], "2001:db8::1"),
            ("0.0.0.0/0", "192.0.2.1", &["203.0.113.9"], "203.0.113.9"),
            ("2001:db8::/32", "2001:db8::9", &["203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(visitor(trusted, connected, forwarded), want, "{trusted} {connected} {forwarded:?}");
        }
    }

    #[test]
    fn refuses_what_is_no_block() {
        for text in ["10.0.0.0/33", "ten", "10.0.0.0/x", "::/129"] {
            assert!(TrustedProxies::parse(text).is_err(), "{text}");
        }
    }
}
