//! Checks of what a person typed, used by the form in the browser and by the server alike.
//! Each returns the value to keep or a reason to show beside the field. No network: whether an
//! address answers is somebody else's question.

pub mod address;
mod address_rule;
mod app_check;
mod body_form;
mod body_rule;
mod connection_form;
mod forwarding;
mod issuer;
mod limit;
mod model_lines;
mod money;
mod origin;
mod ownership_lines;
mod ownership_rules;
mod password;
mod plan_access;
mod plan_override;
mod plan_rule;
mod plan_words;
mod price;
mod proxy;
mod retention;
mod rule_lines;
mod shared_objects;

pub use address_rule::{AddressRuleForm, Lasts, MAX_ADDRESS_RULES, address_rule, put_address_rule};
pub use app_check::{AppCheckForm, MAX_APP_IDS, app_check};
pub use body_form::{BodyRuleForm, PromptChoice, ToolsChoice};
pub use body_rule::{MAX_BODY_RULES, body_endpoints, body_rule, body_rules};
pub use connection_form::ConnectionForm;
pub use forwarding::{
    MAX_CONNECT_SECS, MAX_FIRST_BYTE_SECS, MAX_IDLE_SECS, MAX_OPEN_SECS, MAX_UPSTREAM_HEADERS, timeouts,
    upstream_header, upstream_headers,
};
pub use issuer::{claim_name, firebase_project_id, issuer_url, shared_secret, supabase_issuer, token_audiences};
pub use limit::{LimitForm, MAX_LIMITS, limit, put_limit};
pub use model_lines::{ModelLines, model_lines, name_list, parse_model_lines, parse_name_list};
pub use money::{micro_usd, micro_usd_text, optional_number, whole_number};
pub use origin::{MAX_ORIGINS, matches_origin, web_origin, web_origins};
pub use ownership_lines::{ownership_lines, parse_ownership_lines};
pub use ownership_rules::{MAX_OWNERSHIP_RULES, ownership_rules};
pub use password::{WeakPassword, password};
pub use plan_access::{AccessScope, NarrowedProxy, PlanAccessForm};
pub use plan_override::{PlanOverrideForm, plan_override};
pub use plan_rule::{ParseRuleKindError, PlanRuleForm, RuleKind, Trials, plan_rule};
pub use plan_words::{MAX_MESSAGE_CHARS, PlanWords, PlanWordsForm, plan_words};
pub use price::{MAX_PRICES, PriceForm, price, put_price};
pub use proxy::{base_url, endpoint_rules, is_loopback, key_placement};
pub use retention::{MAX_RETENTION_DAYS, MIN_RETENTION_DAYS, retention_days};
pub use rule_lines::{RuleLineError, parse_rule_lines, rule_lines};
pub use shared_objects::{parse_shared_lines, shared_lines};

/// What is wrong with one field of a form that has several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FieldError {
    pub field: &'static str,
    pub reason: String,
}

impl FieldError {
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }
}

/// A member's address, trimmed and in lower case. Not shown by `Debug`: addresses don't go into logs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseEmailError {
    #[error("enter your e-mail address")]
    Empty,
    #[error("an e-mail address has at most 254 characters")]
    TooLong,
    #[error("this does not look like an e-mail address; it should look like you@example.com")]
    Malformed,
}

impl EmailAddress {
    pub fn parse(text: &str) -> Result<Self, ParseEmailError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseEmailError::Empty);
        }
        if text.len() > 254 {
            return Err(ParseEmailError::TooLong);
        }
        let (local, host) = text.rsplit_once('@').ok_or(ParseEmailError::Malformed)?;
        let well_formed = is_local_part(local) && is_mail_host(host);
        well_formed.then(|| Self(text.to_ascii_lowercase())).ok_or(ParseEmailError::Malformed)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

/// RFC 5321's dot-string; quoted local parts exist on paper only and are a way to smuggle line breaks.
fn is_local_part(local: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-.".contains(&b);
    !local.is_empty()
        && local.len() <= 64
        && local.bytes().all(allowed)
        && local.split('.').all(|atom| !atom.is_empty())
}

fn is_mail_host(host: &str) -> bool {
    let label_is_fine = |label: &str| {
        let bytes = label.as_bytes();
        !bytes.is_empty()
            && bytes.len() <= 63
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.contains('.') && host.len() <= 253 && host.split('.').all(label_is_fine)
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    #[error("enter a name")]
    Empty,
    #[error("a name has at most 80 characters")]
    TooLong,
    #[error("a name can't contain line breaks or control characters")]
    BadCharacter,
}

/// The name of an account, an app or a proxy: free text on one line.
pub fn name(text: &str) -> Result<String, NameError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.chars().count() > 80 {
        return Err(NameError::TooLong);
    }
    if text.chars().any(is_hidden) {
        return Err(NameError::BadCharacter);
    }
    Ok(text.to_owned())
}

/// U+202A to U+202E and U+2066 to U+2069 turn the direction of the text around them.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// One or more of A-Z, a-z, 0-9, `-` and `_`, at most 100: header and query parameter names we write ourselves.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// As providers name models: `gpt-4o`, `models/gemini-2.5-pro`, `@cf/meta/llama-3`.
pub(crate) fn is_model_name(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'*')
}

/// A model's name, or the beginning of one with a `*` after it.
pub(crate) fn model_pattern(text: &str) -> Result<String, String> {
    let stem = text.strip_suffix('*').unwrap_or(text);
    if is_model_name(stem) || text == "*" {
        Ok(text.to_owned())
    } else {
        Err("a model is a name without blanks, such as gpt-4o; a * may stand at its end".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_an_address_in_lower_case() {
        let address = EmailAddress::parse("  Ada.Lovelace+apps@Example.COM ").expect("fine");
        assert_eq!(address.as_str(), "ada.lovelace+apps@example.com");
        assert_eq!(format!("{address:?}"), "EmailAddress(…)");
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in [
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@example..com",
            "a b@example.com",
            "ada@-x.com",
            ".ada@example.com",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@ex ample.com",
            "a@b@",
            "\"x y\"@example.com",
        ] {
            assert_eq!(EmailAddress::parse(text), Err(ParseEmailError::Malformed), "{text:?}");
        }
        assert_eq!(EmailAddress::parse("  "), Err(ParseEmailError::Empty));
        assert_eq!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(260))), Err(ParseEmailError::TooLong));
    }

    #[test]
    fn names_are_one_line_of_visible_text() {
        assert_eq!(name("  Übung 1 "), Ok("Übung 1".to_owned()));
        assert_eq!(name(" "), Err(NameError::Empty));
        assert_eq!(name(&"x".repeat(81)), Err(NameError::TooLong));
        for text in ["a\nb", "a\u{0}b", "a\u{202E}b"] {
            assert_eq!(name(text), Err(NameError::BadCharacter), "{text:?}");
        }
    }
}
