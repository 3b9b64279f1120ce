//! Which limits hold for this caller: so far every user of an App is in its default plan.

use keyward_domain::ids::PlanId;
use keyward_domain::limits::RateLimit;
use keyward_domain::rejection::Rejection;

use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Caller;

pub struct ActivePlan {
    pub plan: PlanId,
    pub rate_limit: Option<RateLimit>,
}

/// No plan means no.
pub fn active(proxy: &ServedProxy, _caller: &Caller) -> Result<ActivePlan, Rejection> {
    let plan = proxy.app.default_plan.ok_or(Rejection::NoPlan)?;
    Ok(ActivePlan { plan, rate_limit: proxy.policy.user_rate_limit() })
}
