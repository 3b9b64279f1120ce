//! What was called, by whom, with what outcome: figures, pictures and tables.

pub mod api;
#[cfg(feature = "ssr")]
pub mod charts;
mod page;
mod tables;

pub use page::{UsageFigures, UsagePage, UsageSummary};
