//! Which IP addresses are on the public internet.
//! From IANA's special-purpose registries (RFC 6890 and successors); whatever is not clearly public is not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Global unicast, with an embedded IPv4 address judged as what it is.
pub fn is_global_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_global_v4(v4),
        IpAddr::V6(v6) => is_global_v6(v6),
    }
}

/// This machine: 127.0.0.0/8, ::1, and the first mapped into IPv6.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    const REFUSED: [(Ipv4Addr, u32); 16] = [
        (Ipv4Addr::new(0, 0, 0, 0), 8),
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 0, 0, 0), 24),
        (Ipv4Addr::new(192, 0, 2, 0), 24),
        (Ipv4Addr::new(192, 31, 196, 0), 24),
        (Ipv4Addr::new(192, 88, 99, 0), 24),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(198, 18, 0, 0), 15),
        (Ipv4Addr::new(198, 51, 100, 0), 24),
        (Ipv4Addr::new(203, 0, 113, 0), 24),
        (Ipv4Addr::new(224, 0, 0, 0), 4),
        (Ipv4Addr::new(240, 0, 0, 0), 4),
    ];
    !REFUSED.iter().any(|(network, bits)| (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0)
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_global_v4(mapped);
    }
    let bits = address.to_bits();
    // Networks without IPv4 reach the public IPv4 internet through this prefix (RFC 6052).
    if within(bits, NAT64, 96) {
        return is_global_v4(Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32));
    }
    let is_special = [IETF_PROTOCOLS, DOCUMENTATION, SIX_TO_FOUR, DOCUMENTATION_LONG]
        .iter()
        .any(|(network, length)| within(bits, *network, *length));
    within(bits, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1) && !is_special
}

const NAT64: u128 = 0x0064_ff9b << 96;
const GLOBAL_UNICAST: (u128, u32) = (0x2000 << 112, 3);
/// 2001::/23: Teredo, benchmarking, ORCHID and others that are no ordinary hosts.
const IETF_PROTOCOLS: (u128, u32) = (0x2001 << 112, 23);
const DOCUMENTATION: (u128, u32) = (0x2001_0db8 << 96, 32);
/// 2002::/16 wraps an IPv4 address, which may be a private one.
const SIX_TO_FOUR: (u128, u32) = (0x2002 << 112, 16);
const DOCUMENTATION_LONG: (u128, u32) = (0x3fff << 112, 20);

fn within(bits: u128, network: u128, length: u32) -> bool {
    (bits ^ network) >> (128 - length) == 0
}
