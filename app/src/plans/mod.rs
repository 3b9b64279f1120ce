//! Plans of an app: the list, and one plan with its limits.

pub mod api;
mod list;
mod page;

pub use list::PlansPage;
pub use page::PlanPage;
