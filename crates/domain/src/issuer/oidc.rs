//! What differs between OpenID Connect issuers: by which claim a token names its app, and by which it names the user,
//! the plan and whether the user is anonymous. What a user can edit is never among them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub const MAX_AUDIENCES: usize = 20;

/// How a token says for which app it was made. None of them may leave it open: an issuer has many apps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OidcDialect {
    /// In `aud` or `azp`; without `aud`, in `client_id`.
    #[default]
    Generic,
    /// In `azp`, the web origin that asked for the session's token, or in an `aud` that the developer added.
    Clerk,
    /// In `aud`, which may be a list.
    Auth0,
    /// An ID token in `aud`, an access token in `client_id`; `token_use` says which it is.
    Cognito,
}

/// The names of one app, of which a token must carry one. Stored as a text when there is one, else as a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMore", into = "OneOrMore")]
pub struct Audiences(Vec<String>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Audiences {
    /// An empty name would be found in a token that names nobody.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().filter(|name| !name.is_empty()).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl From<OneOrMore> for Audiences {
    fn from(stored: OneOrMore) -> Self {
        match stored {
            OneOrMore::One(name) => Self::new([name]),
            OneOrMore::More(names) => Self::new(names),
        }
    }
}

impl From<Audiences> for OneOrMore {
    fn from(Audiences(mut names): Audiences) -> Self {
        match (names.len(), names.pop()) {
            (1, Some(name)) => Self::One(name),
            (_, last) => Self::More(names.into_iter().chain(last).collect()),
        }
    }
}

/// The claims to read where they are not the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimNames {
    /// Instead of `sub`.
    pub user: Option<ClaimName>,
    /// Holds the name of one of the App's plans; without it every user is in the default one.
    pub plan: Option<ClaimName>,
    /// `true` for users who never signed in.
    pub anonymous: Option<ClaimName>,
}

/// A claim's name, or the way to it through objects: `app_metadata.plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClaimName(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseClaimNameError {
    #[error("a claim's name has 1 to 128 characters, no blanks; a way through objects is written with dots")]
    Malformed,
    #[error("users can edit what is in {0}; name a claim that only you can set")]
    UserEditable(&'static str),
}

/// Supabase and Auth0; Clerk.
const USER_EDITABLE: [&str; 2] = ["user_metadata", "unsafe_metadata"];

impl ClaimName {
    pub fn parse(text: &str) -> Result<Self, ParseClaimNameError> {
        let is_well_formed = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !is_well_formed || text.split('.').any(str::is_empty) {
            return Err(ParseClaimNameError::Malformed);
        }
        match USER_EDITABLE.into_iter().find(|name| text.split('.').any(|part| part == *name)) {
            Some(name) => Err(ParseClaimNameError::UserEditable(name)),
            None => Ok(Self(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A claim of just this name, such as `https://example.com/plan`, goes before a way through objects.
    pub fn find<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c Value> {
        let found = claims.get(&self.0).or_else(|| {
            let (first, rest) = self.0.split_once('.')?;
            rest.split('.').try_fold(claims.get(first)?, |value, part| value.get(part))
        });
        found.filter(|value| !value.is_null())
    }
}

impl TryFrom<String> for ClaimName {
    type Error = ParseClaimNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ClaimName> for String {
    fn from(ClaimName(name): ClaimName) -> Self {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_is_found_by_its_name_or_through_objects() {
        let claims = json!({"uid": "a", "app_metadata": {"plan": "pro"}, "https://x.example/plan": "gold", "n": null});
        let Value::Object(claims) = claims else { panic!("an object") };
        for (name, found) in [
            ("uid", Some("a")),
            ("app_metadata.plan", Some("pro")),
            ("https://x.example/plan", Some("gold")),
            ("app_metadata.other", None),
            ("uid.deeper", None),
            ("n", None),
        ] {
            let name = ClaimName::parse(name).expect("a name");
            assert_eq!(name.find(&claims).and_then(Value::as_str), found, "{name:?}");
        }
    }

    #[test]
    fn what_a_user_can_edit_is_never_trusted() {
        for name in ["user_metadata.plan", "user_metadata", "unsafe_metadata.plan", "x.user_metadata.plan"] {
            assert!(matches!(ClaimName::parse(name), Err(ParseClaimNameError::UserEditable(_))), "{name}");
            assert!(serde_json::from_value::<ClaimName>(json!(name)).is_err(), "nor from a stored row");
        }
        for name in ["", "a b", ".a", "a.", "a..b", &"x".repeat(129)] {
            assert_eq!(ClaimName::parse(name), Err(ParseClaimNameError::Malformed), "{name}");
        }
    }

    #[test]
    fn one_audience_is_stored_as_a_text_and_read_from_either() {
        for (stored, read) in [(json!("a"), vec!["a"]), (json!(["a", "b"]), vec!["a", "b"]), (json!(""), vec![])] {
            let audiences: Audiences = serde_json::from_value(stored.clone()).expect("read");
            assert_eq!(audiences.iter().collect::<Vec<_>>(), read);
            let again = serde_json::to_value(&audiences).expect("written");
            assert_eq!(again, if read.is_empty() { json!([]) } else { stored });
        }
    }
}
