//! Identity providers of an app: linking one, checking it, and checking a token against all of them.

pub mod api;
mod kind;
mod list;
mod new;
mod token_check;

pub use list::{IssuerActions, IssuerList};
pub use new::NewIssuerPage;
pub use token_check::TokenCheck;
