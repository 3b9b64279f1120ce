//! Plans of an app: the list with the rules that put users in them, one plan, what it allows at each proxy.

mod access;
pub mod access_api;
pub mod api;
mod list;
mod page;
mod rule_form;
mod rules;
pub mod rules_api;
mod words;

pub use access::PlanAccessPage;
pub use list::PlansPage;
pub use page::PlanPage;
pub use rule_form::PlanRulePage;

use keyward_domain::ids::PlanId;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::error::PageError;

/// The id in the address; anything else is a page that does not exist.
fn plan_id() -> Memo<Result<PlanId, PageError>> {
    let params = use_params_map();
    Memo::new(move |_| {
        params.with(|params| params.get("plan").and_then(|id| id.parse().ok()).ok_or(PageError::NotFound))
    })
}
