//! What a password must be: long enough and not one of those that everybody tries first.

use std::collections::HashSet;
use std::sync::LazyLock;

/// One a line, lower case; all are at least eight characters, as shorter ones are refused anyway.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../data/common_passwords.txt").lines().collect());

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WeakPassword {
    #[error("a password has at least 8 characters")]
    TooShort,
    #[error("a password has at most 128 characters")]
    TooLong,
    #[error("this is one of the passwords that attackers try first; choose another")]
    Common,
    #[error("a password that is the e-mail address is the first that attackers try; choose another")]
    IsTheAddress,
}

/// No rules of composition: length and rarity are what counts (NIST SP 800-63B, 3.1.1.2).
pub fn password(text: &str, email: &str) -> Result<(), WeakPassword> {
    match text.chars().count() {
        0..8 => return Err(WeakPassword::TooShort),
        8..=128 => {}
        129.. => return Err(WeakPassword::TooLong),
    }
    let folded = text.to_lowercase();
    if COMMON.contains(folded.as_str()) || is_one_thing_repeated(&folded) {
        return Err(WeakPassword::Common);
    }
    let email = email.trim().to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    if folded == email || folded == local {
        return Err(WeakPassword::IsTheAddress);
    }
    Ok(())
}

/// `aaaaaaaaaaaa`, `abababab`, `123123123`: up to three characters again and again.
fn is_one_thing_repeated(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=3).any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(one, other)| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_attackers_try_first() {
        for (text, want) in [
            ("seven77", WeakPassword::TooShort),
            ("password", WeakPassword::Common),
            ("PassWord1", WeakPassword::Common),
            ("12345678", WeakPassword::Common),
            ("qwertyuiop", WeakPassword::Common),
            ("zzzzzzzzzzzz", WeakPassword::Common),
            ("abcabcabcabc", WeakPassword::Common),
            ("ada.lovelace@example.com", WeakPassword::IsTheAddress),
            ("Ada.Lovelace", WeakPassword::IsTheAddress),
        ] {
            assert_eq!(password(text, "ada.lovelace@example.com"), Err(want), "{text:?}");
        }
        assert_eq!(password(&"ab3d".repeat(33), "a@example.com"), Err(WeakPassword::TooLong));
    }

    #[test]
    fn takes_any_long_rare_text() {
        for text in ["correct horse battery", "ünïcödé!", "        x", &"0f9a".repeat(32)] {
            assert_eq!(password(text, "ada@example.com"), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn the_list_is_in_the_form_it_is_searched_in() {
        assert!(COMMON.len() > 900, "{}", COMMON.len());
        for entry in COMMON.iter() {
            assert!(entry.chars().count() >= 8 && *entry == entry.trim().to_lowercase(), "{entry:?}");
        }
    }
}
