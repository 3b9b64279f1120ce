//! Address rules as a form sends them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::FieldError;
use crate::ip_rules::{IpAction, IpRule, Network};

/// In one place: each is looked at for every call.
pub const MAX_ADDRESS_RULES: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRuleForm {
    pub action: IpAction,
    pub network: String,
    pub note: String,
    pub lasts: Lasts,
}

/// How long a new rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lasts {
    Always,
    Hour,
    Day,
    Week,
    Month,
}

impl Lasts {
    fn until(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Always => None,
            Self::Hour => Some(now + Duration::HOUR),
            Self::Day => Some(now + Duration::DAY),
            Self::Week => Some(now + Duration::WEEK),
            Self::Month => Some(now + Duration::days(30)),
        }
    }
}

pub fn address_rule(form: &AddressRuleForm, now: OffsetDateTime) -> Result<IpRule, FieldError> {
    let typed = form.network.trim();
    let network: Network = typed.parse().map_err(|_| {
        FieldError::new("network", "enter an address or a network, such as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32")
    })?;
    // Such a client counts as what it is, an IPv4 address, and the rule would never fit it.
    let written = typed.split('/').next().unwrap_or_default();
    if matches!(written.parse(), Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some()) {
        return Err(FieldError::new("network", "write an IPv4 address in its own form, without ::ffff: before it"));
    }
    let note = form.note.trim();
    if note.chars().count() > 100 || note.chars().any(char::is_control) {
        return Err(FieldError::new("note", "a note is one line of at most 100 characters"));
    }
    Ok(IpRule { network, action: form.action, note: note.to_owned(), expires_at: form.lasts.until(now) })
}

/// Takes the place of a rule for the same network that says the same.
pub fn put_address_rule(rules: &mut Vec<IpRule>, rule: IpRule) -> Result<(), FieldError> {
    if let Some(same) = rules.iter_mut().find(|other| (other.network, other.action) == (rule.network, rule.action)) {
        *same = rule;
        return Ok(());
    }
    if rules.len() >= MAX_ADDRESS_RULES {
        return Err(FieldError::new("network", format!("at most {MAX_ADDRESS_RULES} rules; remove one first")));
    }
    rules.push(rule);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:30 UTC);

    fn form(network: &str) -> AddressRuleForm {
        AddressRuleForm {
            action: IpAction::Deny,
            network: network.to_owned(),
            note: String::new(),
            lasts: Lasts::Always,
        }
    }

    #[test]
    fn a_network_is_taken_only_if_it_can_fit_somebody() {
        for text in [" 203.0.113.7 ", "10.0.0.0/8", "2001:db8::/32", "::1"] {
            assert!(address_rule(&form(text), NOW).is_ok(), "{text}");
        }
        for text in ["", "10.0.0.0/33", "example.com", "10.0.0.*", "::ffff:10.0.0.1", "::ffff:10.0.0.0/104"] {
            assert_eq!(address_rule(&form(text), NOW).expect_err(text).field, "network");
        }
        let noted = AddressRuleForm { note: "a\nb".to_owned(), ..form("::1") };
        assert_eq!(address_rule(&noted, NOW).expect_err("two lines").field, "note");
    }

    #[test]
    fn a_rule_may_end_by_itself() {
        let for_a_day = AddressRuleForm { lasts: Lasts::Day, ..form("10.0.0.1") };
        let rule = address_rule(&for_a_day, NOW).expect("fine");
        assert_eq!(rule.expires_at, Some(datetime!(2026-03-02 12:30 UTC)));
        let mut rules = vec![rule];
        put_address_rule(&mut rules, address_rule(&form("10.0.0.1"), NOW).expect("fine")).expect("room");
        assert_eq!((rules.len(), rules[0].expires_at), (1, None));
    }
}
