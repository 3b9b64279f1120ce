//! What models cost this developer, where it differs from the list.

pub mod api;
mod page;

pub use page::PricesPage;
