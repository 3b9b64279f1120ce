//! Address rules of an app or a proxy.

pub mod api;
mod page;

pub use page::{AppAddressesPage, ProxyAddressesPage};
