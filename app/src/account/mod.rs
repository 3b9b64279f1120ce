//! The member's own page: account name, password, sessions.

pub mod api;
mod page;

pub use page::AccountPage;
