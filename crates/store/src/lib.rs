//! PostgreSQL rows, sealing of secrets, configuration snapshots.
//!
//! The only place with SQL. Must not know the web framework, the pipeline or who may do what:
//! callers pass the account or app that a row must belong to.

pub mod db;
pub mod key_ring;
pub mod sealing;
#[cfg(feature = "testing")]
pub mod testing;

pub use db::{Store, StoreError};
