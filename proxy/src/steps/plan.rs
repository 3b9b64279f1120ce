//! In which plan this caller is, and so which limits and endpoints hold: decided on every call from what is known in memory.

use std::sync::Arc;

use keyward_domain::ids::PlanId;
use keyward_domain::plans::{Facts, Terms, decide};
use keyward_domain::rejection::Rejection;
use keyward_store::snapshot::EdgePlan;

use crate::edge::Edge;
use crate::snapshot::{ServedApp, ServedProxy};
use crate::steps::authenticate::{Caller, Standing};

#[derive(Clone)]
pub struct ActivePlan {
    pub plan: PlanId,
    app: Arc<ServedApp>,
}

impl ActivePlan {
    /// The plan itself; it was there when the call began.
    pub fn terms(&self) -> Option<&EdgePlan> {
        self.app.plans.get(&self.plan)
    }
}

/// No plan means no.
pub fn active(edge: &Edge, proxy: &ServedProxy, caller: &Caller) -> Result<ActivePlan, Rejection> {
    let app = &proxy.app;
    let default = app.default_plan.ok_or(Rejection::NoPlan)?;
    let plan = match caller.standing() {
        Standing::TestCall => default,
        Standing::SignedIn | Standing::Anonymous => {
            let known = edge.plans.of(app, caller);
            let facts = Facts {
                by_hand: known.by_hand.filter(|set| app.plans.contains_key(&set.plan)),
                bought: &known.bought,
                claims: Some(caller.claims()),
                anonymous: caller.standing() == Standing::Anonymous,
                linked: caller.linked_plan(),
            };
            decide(Terms { rules: &app.policy.plan_rules, default }, facts, edge.clock.now()).plan
        }
    };
    if !app.plans.contains_key(&plan) {
        return Err(Rejection::NoPlan);
    }
    Ok(ActivePlan { plan, app: app.clone() })
}
