//! The users of an app: who calls, who may no longer.

pub mod api;
mod page;
mod revoking;

pub use page::AppUsersPage;
