//! What the account pays for, and what it has of it. There only where the installation takes money.

pub mod api;
mod page;

pub use page::BillingPage;
