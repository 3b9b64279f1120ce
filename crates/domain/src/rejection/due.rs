//! What a call that was refused, or broke off, leaves of what had been reserved for it.

use super::{Rejection, Step};

/// What stays of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The provider did nothing, and the caller is not to blame.
    Nothing,
    /// The provider did nothing; the attempt counts.
    TheRequest,
    WhatWasMetered,
    /// What the provider did is not known.
    TheWorst,
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
        match self.step() {
            _ if is_ours => Due::Nothing,
            // It may have worked for all that time.
            Step::Forward if *self == Self::UpstreamTimeout => Due::TheWorst,
            Step::Forward | Step::Record => Due::WhatWasMetered,
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
