//! What is stored, in the words of a form's field: one of several rules, what a page showed, a choice.

use serde::Serialize;
#[cfg(feature = "ssr")]
use serde::de::DeserializeOwned;

#[cfg(feature = "ssr")]
use crate::error::PageError;

/// For a hidden field. A rule is named by all that it says: a place in a list would name another after somebody else's change.
pub fn as_field(rule: &impl Serialize) -> String {
    serde_json::to_string(rule).unwrap_or_default()
}

#[cfg(feature = "ssr")]
pub fn stored<T: DeserializeOwned>(field: &str) -> Result<T, PageError> {
    serde_json::from_str(field).map_err(|_| PageError::incomplete())
}

/// What the page showed, for a form that is saved as a whole; a form without the field saw nothing.
#[cfg(feature = "ssr")]
pub fn seen<T: DeserializeOwned>(field: &str) -> Result<Option<T>, PageError> {
    if field.is_empty() { Ok(None) } else { stored(field).map(Some) }
}

/// The word that a choice has in a form and in the database.
pub fn word(choice: &impl Serialize) -> String {
    serde_json::to_value(choice).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_domain::limits::{Measure, Per, Window};

    #[test]
    fn a_choice_has_the_word_it_is_read_from() {
        assert_eq!(word(&Measure::CostMicroUsd), "cost_micro_usd");
        assert_eq!(word(&Per::AnonymousAddress), "anonymous_address");
        assert_eq!(word(&Window::AtOnce), Window::AtOnce.name());
    }
}
