//! App Check of an app: whether calls must come from an untampered app, and how many do.

pub mod api;
mod page;

pub use page::AppCheckPage;
