//! PostgreSQL rows, sealing of secrets, configuration snapshots.
//!
//! The only place with SQL. Must not know the web framework, the pipeline or who may do what:
//! callers pass the account or app that a row must belong to.

pub mod account_members;
pub mod account_notices;
pub mod accounts;
pub mod app_check;
pub mod app_users;
pub mod apps;
pub mod backoff;
pub mod byok_keys;
pub mod byok_sealing;
pub mod byok_usage;
pub mod db;
pub mod email_tokens;
pub mod end_user;
pub mod invitations;
pub mod issuers;
pub mod kept_file;
pub mod key_ring;
pub mod limit_counters;
pub mod listen;
pub mod mails;
pub mod members;
pub mod plan_feed;
pub mod plan_overrides;
pub mod plan_rules;
pub mod plans;
pub mod policies;
pub mod proxies;
pub mod purchase_sources;
pub mod purchasers;
pub mod resource_owners;
pub mod sealed_keys;
pub mod sealing;
pub mod sessions;
pub mod snapshot;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tiers;
pub mod usage_events;
pub mod usage_keeping;
pub mod usage_report;

pub use db::{Store, StoreError};
