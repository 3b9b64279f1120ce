//! What a page or a form is told when something can't be done.
//! Crosses the wire, and without JavaScript the address bar: never holds a secret or what was typed into a secret field.

use std::collections::BTreeMap;

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// The field of a refusal that is about the whole form.
pub const WHOLE_FORM: &str = "form";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PageError {
    #[error("There is nothing at this address.")]
    NotFound,
    #[error("You are signed out. Sign in to go on.")]
    SignedOut,
    /// Of a member who was removed from the account they work in, or belongs to none.
    #[error("You don\u{2019}t belong to this account any more. Choose another to go on.")]
    NoAccount,
    #[error("Your role does not allow this.")]
    Forbidden,
    /// What was typed can't be accepted; `kept` gives back what must not be lost when the page is loaded anew.
    #[error("{reason}")]
    Refused {
        field: String,
        reason: String,
        #[serde(default)]
        kept: BTreeMap<String, String>,
    },
    #[error("Too many attempts. Try again in {}.", wait_text(*.retry_after_secs))]
    TooManyAttempts { retry_after_secs: u64 },
    #[error("Something went wrong on our side. Try again in a moment.")]
    Internal,
    #[error("The server could not be reached. Check your connection and try again.")]
    Unreachable,
}

fn wait_text(secs: u64) -> String {
    match secs {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{secs} seconds"),
        _ => format!("{} minutes", secs.div_ceil(60)),
    }
}

impl PageError {
    pub fn refused(field: &str, reason: impl Into<String>) -> Self {
        Self::Refused { field: field.to_owned(), reason: reason.into(), kept: BTreeMap::new() }
    }

    /// A form that lacks a field, or has one that can't be read. The parser's own text could quote a secret.
    pub fn incomplete() -> Self {
        Self::refused(WHOLE_FORM, "The form did not arrive complete. Reload the page and try again.")
    }

    /// Gives back what was typed, so that a page loaded anew can show it. Never call it with a secret field.
    pub fn keeping<const N: usize>(self, fields: [(&str, &str); N]) -> Self {
        match self {
            Self::Refused { field, reason, .. } => {
                let kept = fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
                Self::Refused { field, reason, kept }
            }
            other => other,
        }
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::SignedOut => 401,
            Self::Forbidden | Self::NoAccount => 403,
            Self::Refused { .. } => 422,
            Self::TooManyAttempts { .. } => 429,
            Self::Internal => 500,
            Self::Unreachable => 503,
        }
    }

    /// The error that a server function's response carries, if that is one of ours.
    pub fn from_response_body(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

impl FromServerFnError for PageError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Serialization(_) => {
                Self::incomplete()
            }
            ServerFnErrorErr::Request(_) => Self::Unreachable,
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Response(_) => Self::Internal,
        }
    }
}

#[cfg(feature = "ssr")]
impl From<keyward_control::ControlError> for PageError {
    fn from(error: keyward_control::ControlError) -> Self {
        use keyward_control::ControlError;
        match error {
            ControlError::NotFound => Self::NotFound,
            ControlError::Forbidden => Self::Forbidden,
            ControlError::Invalid { field, reason } => Self::refused(field, reason),
            ControlError::Conflict { reason } => Self::refused(WHOLE_FORM, reason),
            ControlError::TooManyAttempts { retry_after_secs } => Self::TooManyAttempts { retry_after_secs },
            ControlError::Internal => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_can_not_be_read_is_not_quoted_back() {
        let error = PageError::from_server_fn_error(ServerFnErrorErr::Args("invalid value: sk-secret-1234".to_owned()));
        assert!(!serde_json::to_string(&error).expect("serializes").contains("sk-secret"));
    }

    #[test]
    fn only_a_refusal_keeps_what_was_typed() {
        let fields = [("name", "Chat")];
        assert_eq!(PageError::NotFound.keeping(fields), PageError::NotFound);
        let PageError::Refused { kept, .. } = PageError::refused("rules", "no").keeping(fields) else {
            panic!("refused")
        };
        assert_eq!(kept.get("name").map(String::as_str), Some("Chat"));
    }
}
