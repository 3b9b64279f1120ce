//! The steps of the pipeline, in its order. Each takes what it needs and returns what the next one requires.

pub mod addresses;
pub mod app_check;
pub mod aside;
pub mod at_edge;
pub mod authenticate;
pub mod authorize;
pub mod body_rules;
pub mod book;
pub mod carriers;
pub mod cors;
pub mod fallback;
pub mod forward;
pub mod headers;
pub mod later_calls;
pub mod limit;
pub mod listing;
pub mod ownership;
pub mod plan;
pub mod public_objects;
pub mod record;
pub mod route;
pub mod turn_limits;
pub mod upgrade;
pub mod upload;
pub mod upstream_key;
