//! The keys of a proxy: those its calls are shared out among, and those its users bring.

pub mod api;
mod own;
mod page;
mod pool;

pub use page::KeysPage;
