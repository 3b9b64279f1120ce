//! Limits and budgets, wherever they stand: of an app, a plan, a proxy.

pub mod api;
mod form;
mod list;
mod page;
mod words;

pub use list::{LimitActions, LimitSection};
pub use page::{AppLimitsPage, ProxyLimitsPage};
pub use words::dollars;
