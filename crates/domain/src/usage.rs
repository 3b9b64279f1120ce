//! What is known of one finished request.

use serde::{Deserialize, Serialize};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The upstream's reply was delivered to its end, whatever its status.
    Completed,
    /// The edge said no; the upstream saw nothing.
    Rejected,
    /// The upstream could not be reached, or broke off.
    UpstreamFailed,
    /// The client went away before the end.
    ClientAborted,
}

/// Counts as the provider reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// All input tokens, cached ones included.
    pub input: u64,
    /// The part of `input` that the provider read from its cache.
    pub cached: u64,
    pub output: u64,
}
