//! The member's own page: account name, password, sessions.

pub mod api;
mod browser;
mod page;

pub use page::AccountPage;
