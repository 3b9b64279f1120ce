//! Whether the call comes from a genuine app (Firebase App Check). Observed, it is counted; enforced, it decides.

use keyward_domain::policy::AppCheckMode;
use keyward_domain::rejection::Rejection;
use keyward_domain::usage::AppCheckOutcome;
use keyward_identity::AppCheckFailure;

use crate::edge::Edge;
use crate::snapshot::ServedProxy;
use crate::steps::authenticate::{Caller, Standing};

/// What is known of the app, and what follows from it.
pub struct Attestation {
    /// Absent where it is off or could not be looked at.
    pub outcome: Option<AppCheckOutcome>,
    refusal: Option<Rejection>,
}

impl Attestation {
    const UNASKED: Self = Self { outcome: None, refusal: None };

    pub fn admit(self) -> Result<(), Rejection> {
        self.refusal.map_or(Ok(()), Err)
    }
}

/// The dashboard's test calls come from no app.
pub async fn attest(edge: &Edge, proxy: &ServedProxy, caller: &Caller, token: Option<&str>) -> Attestation {
    let policy = &proxy.app.policy.app_check;
    if policy.mode == AppCheckMode::Off || caller.standing() == Standing::TestCall {
        return Attestation::UNASKED;
    }
    let (outcome, rejection) = match token {
        None => (Some(AppCheckOutcome::Missing), Some(Rejection::AppCheckMissing)),
        Some(token) => match edge.app_checks.verify(policy, token, edge.clock.now()).await {
            Ok(()) => (Some(AppCheckOutcome::Passed), None),
            Err(AppCheckFailure::Refused(reason)) => {
                (Some(AppCheckOutcome::Failed), Some(Rejection::AppCheckFailed { reason }))
            }
            Err(AppCheckFailure::Unavailable) => (None, Some(Rejection::AppCheckUnavailable)),
        },
    };
    edge.metrics.app_checked(outcome);
    let refusal = match policy.mode {
        AppCheckMode::Enforce => rejection,
        AppCheckMode::Off | AppCheckMode::Observe => None,
    };
    Attestation { outcome, refusal }
}
