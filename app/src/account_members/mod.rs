//! The people of an account: who they are, what they may do, who is invited.

pub mod api;
mod invite;
mod page;
mod person;

pub use page::AccountMembersPage;
