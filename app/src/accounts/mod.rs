//! The accounts that a member belongs to, and which of them the session works in.

pub mod api;
mod page;
mod switcher;

pub use page::AccountsPage;
pub use switcher::AccountSwitcher;
