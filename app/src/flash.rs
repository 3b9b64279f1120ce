//! An answer kept in the session until the next page shows it: how a form's result reaches a browser without JavaScript,
//! since neither the token that was checked nor what was found may go into an address.

use serde::{Serialize, de::DeserializeOwned};

use crate::context::{is_plain_form_post, session};
use crate::error::PageError;

fn key(name: &str, id: impl std::fmt::Display) -> String {
    format!("flash:{name}:{id}")
}

/// Keeps the answer only if nothing else can show it.
pub async fn keep(name: &str, id: impl std::fmt::Display, answer: &impl Serialize) -> Result<(), PageError> {
    if !is_plain_form_post() {
        return Ok(());
    }
    session()?.insert(&key(name, id), answer).await.map_err(|_| PageError::Internal)
}

/// For the page that comes next, however the form was sent.
pub async fn leave(name: &str, id: impl std::fmt::Display, text: &str) -> Result<(), PageError> {
    session()?.insert(&key(name, id), text).await.map_err(|_| PageError::Internal)
}

pub async fn take<T: DeserializeOwned>(name: &str, id: impl std::fmt::Display) -> Result<Option<T>, PageError> {
    session()?.remove(&key(name, id)).await.map_err(|_| PageError::Internal)
}

/// Names of what is kept.
pub const TOKEN_CHECK: &str = "token-check";
pub const TEST_ANSWER: &str = "test-answer";
pub const RULE_DOUBT: &str = "rule-doubt";
