//! Where an app's users buy: sellers that are connected, and the customers they have.

pub mod api;
mod connect;
mod customers;
pub mod customers_api;
mod items;
mod page;
mod source;
mod words;

pub use connect::SellerPage;
pub use items::item;
pub use page::PurchasesPage;
