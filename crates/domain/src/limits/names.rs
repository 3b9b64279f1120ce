//! Which counter a limit uses. Its name holds where the limit stands, for whom and what it counts, but not how much it
//! allows: a developer who raises a limit does not forget what was used.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Limit;
use super::quota::Place;
use crate::issuer::Subject;

/// Short, and tells nobody who it is.
pub fn subject_tag(subject: &Subject) -> String {
    tag(&[subject.issuer.0.as_bytes(), subject.sub.as_bytes()])
}

pub fn address_tag(network: std::net::IpAddr) -> String {
    tag(&[b"address", network.to_string().as_bytes()])
}

fn tag(parts: &[&[u8]]) -> String {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part));
    hex::encode(&hash.finalize()[..16])
}

/// `whose` is a tag, or empty for a limit that all share.
pub fn counter_name(place: Place, stands_at: Uuid, whose: &str, limit: &Limit) -> String {
    let (place, measure, window) = (place.name(), limit.measure.name(), limit.window.name());
    let model = limit.model.as_deref().unwrap_or_default();
    format!("{place}:{}:{whose}:{measure}:{window}:{model}", stands_at.simple())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::IssuerId;
    use crate::limits::{Measure, Per, Window};

    #[test]
    fn the_amount_is_no_part_of_a_counters_name() {
        let limit =
            |amount| Limit { measure: Measure::Requests, window: Window::Day, per: Per::User, model: None, amount };
        let name = |amount| counter_name(Place::App, Uuid::nil(), "x", &limit(amount));
        assert_eq!(name(1), name(2));
        assert_ne!(name(1), counter_name(Place::Proxy, Uuid::nil(), "x", &limit(1)));
    }

    #[test]
    fn a_tag_is_of_one_subject_and_does_not_name_it() {
        let of = |sub: &str| subject_tag(&Subject { issuer: IssuerId(Uuid::nil()), sub: sub.to_owned() });
        assert_ne!(of("alice"), of("bob"));
        assert_eq!(of("alice"), of("alice"));
        assert!(!of("alice@example.com").contains("alice"));
    }
}
