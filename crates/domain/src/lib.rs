//! Vocabulary and pure decisions.
//!
//! Owns the words of the product (see docs/ARCHITECTURE.md) and every decision that needs only its arguments.
//! Must not know the clock, randomness, the network, the database or a web framework; compiles to WebAssembly.

pub mod catalogue;
pub mod clock;
pub mod ids;
pub mod issuer;
pub mod limits;
pub mod provider;
pub mod rules;
pub mod secret;
pub mod slug;
pub mod usage;
pub mod validate;
pub mod view;
