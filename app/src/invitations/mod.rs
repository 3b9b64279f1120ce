//! Coming in to an account by the link of an invitation.

pub mod api;
mod page;

pub use page::InvitationPage;
