//! The dashboard as a browser sees it: the real router in front of a real Postgres.

mod csrf;
mod error_links;
mod forms;
mod gate;
mod harness;
mod headers;
mod killed;
mod members;
mod sessions;
mod tenancy;
mod webhooks;
