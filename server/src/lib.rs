//! The control plane process: reads its configuration, composes, serves the dashboard, and nothing else.
//! A library too, so that tests drive the very router that is served.

pub mod address;
pub mod billing_config;
pub mod config;
pub mod csrf;
pub mod error_links;
pub mod gate;
pub mod headers;
pub mod purchase_workers;
pub mod router;
pub mod server_functions;
pub mod sessions;
pub mod start;
pub mod static_files;
pub mod webhooks;

pub use router::{Dashboard, router};
