//! Which calls a Proxy allows: method and path template. No rule means no.

use serde::{Deserialize, Serialize};

/// One allowed endpoint, such as `POST /v1/chat/completions` or `GET /v1/files/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointRule {
    /// Upper case.
    pub method: String,
    /// Segments are literals, `{param}`, or `{param}:literal` (Gemini's `{model}:generateContent`).
    pub template: String,
    /// Query parameters that pass; all others are refused.
    #[serde(default)]
    pub query: Vec<String>,
    /// Request headers, lower case, that pass on this endpoint beside the provider's.
    #[serde(default)]
    pub headers: Vec<String>,
}
