//! Which limits hold for this caller: those of the plan its token puts it in, else of the App's default one.

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
pub fn active(proxy: &ServedProxy, caller: &Caller) -> Result<ActivePlan, Rejection> {
    let named = caller.plan().filter(|plan| proxy.app.plans.contains_key(plan));
    let plan = if caller.plan().is_some() { named } else { proxy.app.default_plan };
    let plan = plan.ok_or(Rejection::NoPlan)?;
    Ok(ActivePlan { plan, rate_limit: proxy.policy.user_rate_limit() })
}
