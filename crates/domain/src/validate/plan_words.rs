//! What a plan says to a user who has reached a limit, and where that user gets more.

use serde::{Deserialize, Serialize};
use url::Url;

use super::proxy::is_loopback;
use super::{FieldError, is_hidden};

pub const MAX_MESSAGE_CHARS: usize = 300;
const MAX_LINK_CHARS: usize = 500;

/// Both may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanWordsForm {
    pub message: String,
    pub upgrade_url: String,
}

/// As they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanWords {
    pub message: String,
    pub upgrade_url: Option<Url>,
}

/// A link to this machine is let through: whether that may be is the installation's mode to say.
pub fn plan_words(form: &PlanWordsForm) -> Result<PlanWords, FieldError> {
    let message = form.message.trim();
    if message.chars().count() > MAX_MESSAGE_CHARS || message.chars().any(is_hidden) {
        let reason = format!("a message is one line of at most {MAX_MESSAGE_CHARS} characters");
        return Err(FieldError::new("message", reason));
    }
    let upgrade_url = match form.upgrade_url.trim() {
        "" => None,
        typed => Some(link(typed)?),
    };
    Ok(PlanWords { message: message.to_owned(), upgrade_url })
}

fn link(typed: &str) -> Result<Url, FieldError> {
    let wrong = |reason: &str| FieldError::new("upgrade_url", reason);
    if typed.chars().count() > MAX_LINK_CHARS {
        return Err(wrong("a link has at most 500 characters"));
    }
    let malformed = || wrong("enter a web address that begins with https://, such as https://example.com/upgrade");
    let url = Url::parse(typed).map_err(|_| malformed())?;
    let is_web = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    // What stands before an @ looks like the host and is none.
    let is_plain = url.username().is_empty() && url.password().is_none() && !typed.chars().any(char::is_whitespace);
    if is_web && is_plain && !typed.contains('\\') { Ok(url) } else { Err(malformed()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(message: &str, upgrade_url: &str) -> Result<PlanWords, &'static str> {
        let form = PlanWordsForm { message: message.to_owned(), upgrade_url: upgrade_url.to_owned() };
        plan_words(&form).map_err(|fault| fault.field)
    }

    #[test]
    fn a_message_and_a_link_are_kept_and_neither_is_needed() {
        let words = checked(" Upgrade for more. ", " https://example.com/upgrade?from=app ").expect("fine");
        assert_eq!(words.message, "Upgrade for more.");
        assert_eq!(words.upgrade_url.expect("a link").as_str(), "https://example.com/upgrade?from=app");
        assert_eq!(checked("", " "), Ok(PlanWords { message: String::new(), upgrade_url: None }));
        assert!(checked(&"ü".repeat(MAX_MESSAGE_CHARS), "http://localhost:3000/upgrade").is_ok());
    }

    #[test]
    fn refuses_fields_by_name() {
        let long = format!("https://example.com/{}", "x".repeat(MAX_LINK_CHARS));
        for (message, upgrade_url, field) in [
            ("a\nb", "", "message"),
            (&*"x".repeat(MAX_MESSAGE_CHARS + 1), "", "message"),
            ("", "http://example.com/upgrade", "upgrade_url"),
            ("", "javascript:alert(1)", "upgrade_url"),
            ("", "example.com", "upgrade_url"),
            ("", "https://bank.example@evil.example/", "upgrade_url"),
            ("", "https:\\\\evil.example", "upgrade_url"),
            ("", "https://example.com/a b", "upgrade_url"),
            ("", &*long, "upgrade_url"),
        ] {
            assert_eq!(checked(message, upgrade_url), Err(field), "{message:?} {upgrade_url:?}");
        }
    }
}
