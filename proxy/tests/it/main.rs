//! The edge as its users meet it: the real process, a real PostgreSQL, and the emulator as issuer and provider.
//! On every denial, the emulator saw nothing.

mod harness;

mod addresses;
mod anonymous;
mod app_check;
mod authenticating;
mod authorizing;
mod bodies;
mod body_rules;
mod browsers;
mod budgets;
mod caching;
mod carriers;
mod catalogue;
mod catalogue_streams;
mod claims;
mod configuring;
mod connecting;
mod content_types;
mod custody;
mod forms;
mod forwarding;
mod framing;
mod going_on;
mod key_pools;
mod limit_scopes;
mod limiting;
mod listing;
mod long_targets;
mod metering;
mod metering_floods;
mod nodes;
mod operating;
mod outages;
mod overload;
mod ownership_cases;
mod ownership_matrix;
mod owning;
mod owning_bodies;
mod revoking;
mod routing;
mod stateful;
mod streaming;
mod trailers;
