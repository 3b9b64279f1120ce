//! Which app user a seller's customer is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::IssuerId;

/// How a customer was found to be a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// Stripe's `client_reference_id` of a Checkout session.
    Reference,
    /// `metadata.keyward_user` of the subscription or the customer.
    Metadata,
    /// RevenueCat's app user id.
    AppUserId,
    /// Set in the dashboard: nothing else changes it.
    ByHand,
}

impl LinkKind {
    pub const ALL: [Self; 4] = [Self::Reference, Self::Metadata, Self::AppUserId, Self::ByHand];

    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Metadata => "metadata",
            Self::AppUserId => "app_user_id",
            Self::ByHand => "by_hand",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub fn in_words(self) -> &'static str {
        match self {
            Self::Reference => "by client_reference_id",
            Self::Metadata => "by metadata.keyward_user",
            Self::AppUserId => "by its app user id",
            Self::ByHand => "by hand",
        }
    }
}

/// A user as a seller's records name one: the `sub` of the user's token, and in front of it `{issuer id}/` where an App has
/// several identity providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUser {
    pub issuer: Option<IssuerId>,
    pub sub: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a user is named by the sub of the token, 1 to 255 characters")]
pub struct ParseNamedUserError;

impl FromStr for NamedUser {
    type Err = ParseNamedUserError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (issuer, sub) = match text.split_once('/').map(|(first, rest)| (first.parse::<IssuerId>(), rest)) {
            Some((Ok(issuer), rest)) => (Some(issuer), rest),
            Some((Err(_), _)) | None => (None, text),
        };
        if sub.is_empty() || sub.chars().count() > 255 || sub.chars().any(char::is_control) {
            return Err(ParseNamedUserError);
        }
        Ok(Self { issuer, sub: sub.to_owned() })
    }
}

impl fmt::Display for NamedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.issuer {
            Some(issuer) => write!(f, "{issuer}/{}", self.sub),
            None => f.write_str(&self.sub),
        }
    }
}

/// An address that the issuer itself says it has verified, as it is compared: never one that the user typed somewhere.
pub fn verified_email(claims: &Map<String, Value>) -> Option<String> {
    let is_verified = claims.get("email_verified") == Some(&Value::Bool(true));
    let email = claims.get("email").filter(|_| is_verified)?.as_str()?;
    Some(email.trim().to_lowercase()).filter(|email| email.contains('@'))
}
