//! How often one may try: from a network, at an account from a network, at an account at all, by mailbox.
//! Every wait ends. A stranger's failures elsewhere cost an account's owner three seconds at a time at most: what
//! grows longer counts only the attempts from one network.

use std::net::IpAddr;

use keyward_domain::ids::{AccountId, MemberId};
use keyward_domain::validate::EmailAddress;
use keyward_store::backoff::{Attempt, BackoffPolicy};
use sha2::{Digest, Sha256};
use time::Duration;

use crate::{Control, ControlError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Sign-ins to an address, known or not, from one network.
    AccountFromNetwork { account: String, network: String },
    /// Sign-ins to an address, known or not, from anywhere.
    Account(String),
    /// Sign-ins from a network.
    Network(String),
    /// A signed-in member's own password, asked for again.
    OwnPassword(MemberId),
    /// Mails to an address, known or not.
    Mailbox(String),
    /// Mails asked for from a network.
    MailsFromNetwork(String),
    /// Invitations to an account, whoever sends them from wherever.
    InvitationsOf(AccountId),
}

impl Subject {
    pub fn account_from_network(email: &EmailAddress, ip: IpAddr) -> Self {
        Self::AccountFromNetwork { account: sha256_hex(email), network: network_of(ip) }
    }

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
            Self::AccountFromNetwork { account, network } => format!("account:{account}@{network}"),
            Self::Account(hash) => format!("account:{hash}"),
            Self::Network(network) => format!("ip:{network}"),
            Self::OwnPassword(member) => format!("password:{member}"),
            Self::Mailbox(hash) => format!("mailbox:{hash}"),
            Self::MailsFromNetwork(network) => format!("mail-ip:{network}"),
            Self::InvitationsOf(account) => format!("invitations:{account}"),
        }
    }

    fn policy(&self) -> BackoffPolicy {
        let (free_attempts, longest_wait, forgotten_after) = match self {
            Self::AccountFromNetwork { .. } => (10, Duration::minutes(5), Duration::DAY),
            // Slows down guessing from many networks at once. Short, since anybody can make the owner wait it out.
            Self::Account(_) => (100, Duration::seconds(3), Duration::HOUR),
            // An office or a mobile network shares an address; successes don't count.
            Self::Network(_) | Self::MailsFromNetwork(_) | Self::InvitationsOf(_) => {
                (30, Duration::minutes(15), Duration::HOUR)
            }
            Self::OwnPassword(_) => (10, Duration::MINUTE, Duration::DAY),
            Self::Mailbox(_) => (5, Duration::minutes(10), Duration::HOUR),
        };
        BackoffPolicy { free_attempts, longest_wait, forgotten_after }
    }
}

/// What one attempt to sign in counts for.
pub(crate) struct SignInAttempt {
    network: Subject,
    from_network: Subject,
    account: Subject,
}

impl SignInAttempt {
    pub fn new(email: &EmailAddress, ip: IpAddr) -> Self {
        Self {
            network: Subject::network(ip),
            from_network: Subject::account_from_network(email, ip),
            account: Subject::account(email),
        }
    }
}

impl Control {
    pub(crate) async fn begin_sign_in(&self, attempt: &SignInAttempt) -> Result<(), ControlError> {
        self.begin_attempt(&attempt.network).await?;
        self.begin_attempt(&attempt.from_network).await?;
        let begun = self.begin_attempt(&attempt.account).await;
        if begun.is_err() {
            // Others' guesses stopped it, so it must not count as one from here.
            self.forgive_attempt(&attempt.from_network).await?;
            self.forgive_attempt(&attempt.network).await?;
        }
        begun
    }

    pub(crate) async fn sign_in_succeeded(&self, attempt: &SignInAttempt) -> Result<(), ControlError> {
        self.clear_attempts(&attempt.from_network).await?;
        self.clear_attempts(&attempt.account).await?;
        self.forgive_attempt(&attempt.network).await
    }

    /// Whoever reads the mailbox is the owner: guesses at the account are forgotten, here and in general.
    pub(crate) async fn forget_guesses(&self, email: &EmailAddress, ip: IpAddr) -> Result<(), ControlError> {
        self.clear_attempts(&Subject::account_from_network(email, ip)).await?;
        self.clear_attempts(&Subject::account(email)).await
    }

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
