//! The users of an app: who calls, who may no longer, who is in which plan and why.

pub mod api;
mod by_hand;
mod page;
pub mod plan_api;
mod purchases;
mod revoking;
mod user;

pub use page::AppUsersPage;
pub use user::AppUserPage;
