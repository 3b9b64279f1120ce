//! Vocabulary and pure decisions.
//!
//! Owns the words of the product (see docs/ARCHITECTURE.md) and every decision that needs only its arguments.
//! Must not know the clock, randomness, the network, the database or a web framework; compiles to WebAssembly.

pub mod app_check;
pub mod body_fields;
pub mod body_rules;
pub mod byok;
pub mod calendar;
pub mod call_price;
pub mod catalogue;
pub mod client_address;
pub mod clock;
pub mod credentials;
mod endpoint_table;
pub mod error_shape;
pub mod extras;
pub mod ids;
pub mod ip_rules;
pub mod issuer;
pub mod json_edit;
pub mod json_scan;
pub mod key_pool;
pub mod limits;
pub mod log_days;
pub mod membership;
pub mod metering;
pub mod model_lists;
pub mod multipart;
pub mod notices;
pub mod ownership;
pub mod path;
pub mod place;
pub mod plans;
pub mod policy;
pub mod prices;
pub mod provider;
pub mod query;
pub mod rejection;
pub mod revocation;
pub mod role;
pub mod rules;
pub mod secret;
pub mod slug;
pub mod snippets;
pub mod sockets;
pub mod sse;
pub mod stateful;
pub mod strict_json;
pub mod tiers;
pub mod usage;
pub mod validate;
pub mod view;
pub mod words;
