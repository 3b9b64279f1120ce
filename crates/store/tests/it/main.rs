//! The store against a real PostgreSQL, a fresh database for each test.

mod app_users;
mod backoff;
mod common;
mod config_reading;
mod edge;
mod email_tokens;
mod key_ring;
mod members;
mod sessions;
mod usage_keeping;
mod usage_report;
