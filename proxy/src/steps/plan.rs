//! Which limits hold for this caller: those of the App, the Proxy, and the plan its token puts it in, else the App's
//! default one.

use std::sync::Arc;

use keyward_domain::ids::PlanId;
use keyward_domain::rejection::Rejection;

use crate::snapshot::ServedProxy;
use crate::steps::authenticate::Caller;

pub struct ActivePlan {
    pub plan: PlanId,
    app: Arc<crate::snapshot::ServedApp>,
}

impl ActivePlan {
    /// The plan itself; it was there when the call began.
    pub fn terms(&self) -> Option<&keyward_store::snapshot::EdgePlan> {
        self.app.plans.get(&self.plan)
    }
}

/// No plan means no.
pub fn active(proxy: &ServedProxy, caller: &Caller) -> Result<ActivePlan, Rejection> {
    let plan = caller.plan().or(proxy.app.default_plan);
    let plan = plan.filter(|plan| proxy.app.plans.contains_key(plan)).ok_or(Rejection::NoPlan)?;
    Ok(ActivePlan { plan, app: proxy.app.clone() })
}
