//! From where an App and a Proxy may be called. Both lists must agree, before anything is proved about the caller.

use keyward_domain::client_address::ClientAddress;
use keyward_domain::credentials::Credentials;
use keyward_domain::ip_rules::check_address;
use keyward_domain::rejection::Rejection;

use crate::edge::Edge;
use crate::snapshot::ServedProxy;

pub fn is_listed(edge: &Edge, proxy: &ServedProxy, address: ClientAddress) -> bool {
    let now = edge.clock.now();
    let lists = [&proxy.app.policy.ip_rules, &proxy.policy.ip_rules];
    lists.into_iter().all(|rules| check_address(rules, address.ip(), now).is_ok())
}

/// The dashboard's own test calls come from its server, which no developer's list names; their token proves that.
pub fn check(
    edge: &Edge,
    proxy: &ServedProxy,
    address: ClientAddress,
    credentials: Result<&Credentials, &Rejection>,
) -> Result<(), Rejection> {
    if is_listed(edge, proxy, address) {
        return Ok(());
    }
    let now = edge.clock.now();
    let is_test_call = credentials.is_ok_and(|credentials| edge.test_call(proxy.id, &credentials.token, now).is_some());
    if is_test_call { Ok(()) } else { Err(Rejection::AddressNotAllowed) }
}
