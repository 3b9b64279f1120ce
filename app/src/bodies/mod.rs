//! What may stand in the bodies of a proxy's requests: the rules, and one rule's form.

pub mod api;
mod form;
mod list;
mod words;

pub use form::BodyRulePage;
pub use list::BodiesPage;
pub use words::summary;
