//! What a call that was refused, or broke off, leaves of what had been reserved for it.

use super::{Rejection, Step};

/// What stays of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The provider did nothing, and the caller is not to blame.
    Nothing,
    /// The provider did nothing; the attempt counts.
    TheRequest,
    /// The provider may have worked: what it reported, or else all that was reserved.
    WhatItReported,
}

impl Rejection {
    /// What it leaves of a reservation that was made before.
    pub fn due(&self) -> Due {
        let is_ours = matches!(
            self,
            Self::Overloaded
                | Self::LimitsUnavailable
                | Self::OwnershipUnavailable
                | Self::ProviderKeyUnusable
                | Self::UpstreamUnreachable
        );
        let is_refusal = matches!(
            self,
            Self::ProviderKeysRefused | Self::ByokKeyRejected | Self::UpstreamAuthFailed | Self::UpstreamRedirected
        );
        match self.step() {
            _ if is_ours => Due::Nothing,
            // What was under way when the right to call ended was done for the caller.
            _ if *self == Self::AccessRevoked => Due::WhatItReported,
            Step::Forward if is_refusal => Due::TheRequest,
            Step::Forward | Step::Record => Due::WhatItReported,
            Step::Route
            | Step::Preflight
            | Step::Authenticate
            | Step::Authorize
            | Step::Plan
            | Step::Limit
            | Step::Body
            | Step::Ownership => Due::TheRequest,
        }
    }
}
