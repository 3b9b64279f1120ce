//! What follows from a rejection: for the usage event, the reservation, and a client that thinks of trying again.

use super::{Rejection, Step};
use crate::usage::Outcome;

impl Rejection {
    pub fn outcome(&self) -> Outcome {
        match (self.step(), self) {
            (_, Self::BodyBroken) => Outcome::ClientAborted,
            (_, Self::ProviderKeyUnusable | Self::ProviderKeysRefused) => Outcome::Rejected,
            // It comes at the end of what was already under way.
            (_, Self::ShuttingDown | Self::AccessRevoked) => Outcome::UpstreamFailed,
            (Step::Forward | Step::Record, _) => Outcome::UpstreamFailed,
            (
                Step::Route
                | Step::Preflight
                | Step::Authenticate
                | Step::Authorize
                | Step::Plan
                | Step::Limit
                | Step::Body
                | Step::Ownership,
                _,
            ) => Outcome::Rejected,
        }
    }

    /// HTTP/2 has a stream error for it (RFC 9113, sections 8.1.1, 8.2.1 and 8.3.1).
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::HostMismatch | Self::BadFraming | Self::MalformedHead)
    }

    /// Seconds after which the same request may pass.
    pub fn retry_after_secs(&self) -> Option<u64> {
        if let Self::SelfServiceTooOften { retry_after_secs } = self {
            return Some(*retry_after_secs);
        }
        if let Self::LimitReached(shortage) = self {
            return (!shortage.is_hopeless()).then_some(shortage.quota.reset_secs);
        }
        (self.status() == 503 && !self.is_final()).then_some(1)
    }

    /// Providers' SDKs repeat every 5xx; these would only fail again.
    pub fn is_final(&self) -> bool {
        if let Self::LimitReached(shortage) = self {
            return shortage.is_hopeless();
        }
        matches!(
            self,
            Self::AccountStopped
                | Self::ProviderKeyUnusable
                | Self::UpstreamAuthFailed
                | Self::ProviderKeysRefused
                | Self::ByokKeyRejected
                | Self::ByokTooMany
                | Self::UpstreamRedirected
                | Self::UpstreamReplyRefused { .. }
                | Self::BodyTimeout
                | Self::Socket(_)
        )
    }
}
