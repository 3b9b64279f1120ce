//! One of several rules, named by all that it says: a place in a list would name another after somebody else's change.

use serde::Serialize;
#[cfg(feature = "ssr")]
use serde::de::DeserializeOwned;

#[cfg(feature = "ssr")]
use crate::error::PageError;

/// For a hidden field.
pub fn as_field(rule: &impl Serialize) -> String {
    serde_json::to_string(rule).unwrap_or_default()
}

#[cfg(feature = "ssr")]
pub fn stored<T: DeserializeOwned>(field: &str) -> Result<T, PageError> {
    serde_json::from_str(field).map_err(|_| PageError::incomplete())
}
