//! How often one may try: by account, by network, by mailbox. Waits grow and end; nobody is locked out for good,
//! and a stranger's failures cost the account's owner a minute at most (a password reset clears even that).

use std::net::IpAddr;

use keyward_domain::validate::EmailAddress;
use keyward_store::backoff::{Attempt, BackoffPolicy};
use sha2::{Digest, Sha256};
use time::Duration;

use crate::{Control, ControlError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Sign-ins to an address, known or not.
    Account(String),
    /// Sign-ins from a network.
    Network(String),
    /// Mails to an address, known or not.
    Mailbox(String),
    /// Mails asked for from a network.
    MailsFromNetwork(String),
}

impl Subject {
    pub fn account(email: &EmailAddress) -> Self {
        Self::Account(sha256_hex(email))
    }

    pub fn mailbox(email: &EmailAddress) -> Self {
        Self::Mailbox(sha256_hex(email))
    }

    pub fn network(ip: IpAddr) -> Self {
        Self::Network(network_of(ip))
    }

    pub fn mails_from_network(ip: IpAddr) -> Self {
        Self::MailsFromNetwork(network_of(ip))
    }

    fn key(&self) -> String {
        match self {
            Self::Account(hash) => format!("account:{hash}"),
            Self::Network(network) => format!("ip:{network}"),
            Self::Mailbox(hash) => format!("mailbox:{hash}"),
            Self::MailsFromNetwork(network) => format!("mail-ip:{network}"),
        }
    }

    fn policy(&self) -> BackoffPolicy {
        let (free_attempts, longest_wait, forgotten_after) = match self {
            Self::Account(_) => (10, Duration::MINUTE, Duration::DAY),
            // An office or a mobile network shares an address; successes don't count.
            Self::Network(_) | Self::MailsFromNetwork(_) => (30, Duration::minutes(15), Duration::HOUR),
            Self::Mailbox(_) => (5, Duration::minutes(10), Duration::HOUR),
        };
        BackoffPolicy { free_attempts, longest_wait, forgotten_after }
    }
}

impl Control {
    pub(crate) async fn begin_attempt(&self, subject: &Subject) -> Result<(), ControlError> {
        match self.store().begin_attempt(&subject.key(), subject.policy(), self.now()).await? {
            Attempt::Allowed => Ok(()),
            Attempt::Blocked { retry_after_secs } => Err(ControlError::TooManyAttempts { retry_after_secs }),
        }
    }

    pub(crate) async fn forgive_attempt(&self, subject: &Subject) -> Result<(), ControlError> {
        Ok(self.store().forgive_attempt(&subject.key(), self.now()).await?)
    }

    pub(crate) async fn clear_attempts(&self, subject: &Subject) -> Result<(), ControlError> {
        Ok(self.store().clear_backoff(&subject.key()).await?)
    }
}

fn sha256_hex(email: &EmailAddress) -> String {
    Sha256::digest(email.as_str().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An IPv6 customer has a /64 at least, so single addresses are free to change.
fn network_of(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbors_in_an_ipv6_network_count_together() {
        let of = |text: &str| network_of(text.parse().expect(text));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
