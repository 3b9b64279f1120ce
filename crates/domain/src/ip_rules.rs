//! From where an App or a Proxy may be called. Deny wins; as soon as there is an allow rule, only what it names may call,
//! and a list whose allow rules have all expired still restricts: then nobody may, instead of everybody.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// `10.0.0.0/8` or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not an address or a network like 10.0.0.0/8")]
pub struct ParseNetworkError;

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| ParseNetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(most), str::parse).map_err(|_| ParseNetworkError)?;
        if prefix_bits > most {
            return Err(ParseNetworkError);
        }
        Ok(Self { address, prefix_bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

impl TryFrom<String> for Network {
    type Error = ParseNetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Network {
    /// An IPv4 address that is written as IPv6 counts as what it is.
    pub fn contains(&self, other: IpAddr) -> bool {
        let shared = |a: u128, b: u128, bits: u32| bits == 0 || (a ^ b) >> (128 - bits) == 0;
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                shared(u128::from(a.to_bits()) << 96, u128::from(b.to_bits()) << 96, self.prefix_bits)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => shared(a.to_bits(), b.to_bits(), self.prefix_bits),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpRule {
    pub network: Network,
    pub action: IpAction,
    #[serde(default)]
    pub note: String,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpAction {
    Allow,
    Deny,
}

/// Why an address may not call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressRefused {
    Denied,
    /// There is an allow-list, and it is not on it.
    NotListed,
}

/// What one list of rules says of an address. An expired rule neither denies nor lets in.
pub fn check_address(rules: &[IpRule], address: IpAddr, now: OffsetDateTime) -> Result<(), AddressRefused> {
    let in_force = |rule: &&IpRule| rule.expires_at.is_none_or(|expires_at| now < expires_at);
    let named = |action: IpAction| {
        rules.iter().filter(in_force).any(|rule| rule.action == action && rule.network.contains(address))
    };
    let is_allow_list = rules.iter().any(|rule| rule.action == IpAction::Allow);
    if named(IpAction::Deny) {
        Err(AddressRefused::Denied)
    } else if is_allow_list && !named(IpAction::Allow) {
        Err(AddressRefused::NotListed)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let network: Network = "10.1.0.0/16".parse().expect("a network");
        for (address, inside) in [("10.1.255.1", true), ("10.2.0.1", false), ("::ffff:10.1.2.3", true), ("::1", false)]
        {
            assert_eq!(network.contains(address.parse().expect("an address")), inside, "{address}");
        }
        assert!("::1".parse::<Network>().expect("one address").contains("::1".parse().expect("an address")));
        assert!("10.0.0.0/40".parse::<Network>().is_err());
    }

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn rules(lines: &[(IpAction, &str, Option<i64>)]) -> Vec<IpRule> {
        let rule = |&(action, network, expires_secs): &(IpAction, &str, Option<i64>)| IpRule {
            network: network.parse().expect("a network"),
            action,
            note: String::new(),
            expires_at: expires_secs.map(|secs| NOW + time::Duration::seconds(secs)),
        };
        lines.iter().map(rule).collect()
    }

    fn verdict(lines: &[(IpAction, &str, Option<i64>)], address: &str) -> Result<(), AddressRefused> {
        check_address(&rules(lines), address.parse().expect("an address"), NOW)
    }

    #[test]
    fn without_rules_everybody_may_call() {
        assert_eq!(verdict(&[], "192.0.2.1"), Ok(()));
    }

    #[test]
    fn deny_wins_over_allow_in_any_order() {
        use IpAction::{Allow, Deny};
        for lines in [
            [(Allow, "10.0.0.0/8", None), (Deny, "10.1.0.0/16", None)],
            [(Deny, "10.1.0.0/16", None), (Allow, "10.0.0.0/8", None)],
            [(Deny, "10.0.0.0/8", None), (Allow, "10.1.2.3", None)],
        ] {
            assert_eq!(verdict(&lines, "10.1.2.3"), Err(AddressRefused::Denied), "{lines:?}");
            assert_eq!(verdict(&lines, "::ffff:10.1.2.3"), Err(AddressRefused::Denied), "written as IPv6");
        }
    }

    #[test]
    fn an_allow_list_really_restricts_also_when_all_of_it_has_expired() {
        use IpAction::Allow;
        let office = (Allow, "192.0.2.0/24", None);
        assert_eq!(verdict(&[office], "192.0.2.7"), Ok(()));
        assert_eq!(verdict(&[office], "198.51.100.1"), Err(AddressRefused::NotListed));
        assert_eq!(verdict(&[office], "2001:db8::1"), Err(AddressRefused::NotListed));
        assert_eq!(verdict(&[(Allow, "192.0.2.0/24", Some(-1))], "192.0.2.7"), Err(AddressRefused::NotListed));
        assert_eq!(verdict(&[(Allow, "192.0.2.0/24", Some(1))], "192.0.2.7"), Ok(()));
    }

    #[test]
    fn an_expired_deny_rule_denies_no_more() {
        assert_eq!(verdict(&[(IpAction::Deny, "0.0.0.0/0", Some(0))], "192.0.2.1"), Ok(()));
        assert_eq!(verdict(&[(IpAction::Deny, "0.0.0.0/0", Some(1))], "192.0.2.1"), Err(AddressRefused::Denied));
    }
}
