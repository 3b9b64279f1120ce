//! What a request brings to prove itself: the user's token, and what may be joined to it with `~` where an SDK can't add
//! a header field. A JSON Web Token never holds a `~`.

use zeroize::Zeroizing;

use crate::rejection::Rejection;

/// How a user's own provider key (BYOK) begins.
pub const BYOK_PREFIX: &str = "kwb_";
/// Lower case; both are taken off before a call is forwarded.
pub const APP_CHECK_HEADER: &str = "x-firebase-appcheck";
pub const BYOK_HEADER: &str = "x-keyward-byok";

/// No `Debug`.
pub struct Credentials {
    pub token: Zeroizing<String>,
    /// Firebase App Check's proof of which app this is.
    pub app_check: Option<String>,
    /// As the user was given it, beginning with `kwb_`; nothing else of it was checked.
    pub byok: Option<Zeroizing<String>>,
}

/// What was found at each place of a request.
#[derive(Default)]
pub struct Carried<'r> {
    /// Where a token stands: `{jwt}`, `{jwt}~{suffix}` or `{jwt}~{suffix}~{suffix}`.
    pub tokens: Vec<&'r str>,
    pub app_check: Vec<&'r str>,
    pub byok: Vec<&'r str>,
}

impl Carried<'_> {
    /// The same credential may come twice; two different ones of a kind could each be the one that is checked.
    pub fn credentials(self) -> Result<Credentials, Rejection> {
        let Self { tokens: values, mut app_check, mut byok } = self;
        let mut tokens = Vec::with_capacity(values.len());
        for value in values {
            let mut parts = value.split('~').map(str::trim);
            tokens.extend(parts.next());
            for suffix in parts {
                if suffix.starts_with(BYOK_PREFIX) {
                    byok.push(suffix);
                } else {
                    app_check.push(suffix);
                }
            }
        }
        Ok(Credentials {
            token: one_of(&tokens)?.map(|token| Zeroizing::new(token.to_owned())).ok_or(Rejection::TokenMissing)?,
            app_check: one_of(&app_check)?.map(str::to_owned),
            byok: one_of(&byok)?.map(|byok| Zeroizing::new(byok.to_owned())),
        })
    }
}

fn one_of<'r>(found: &[&'r str]) -> Result<Option<&'r str>, Rejection> {
    let mut found = found.iter().filter(|text| !text.is_empty());
    let Some(first) = found.next() else { return Ok(None) };
    if found.all(|other| other == first) { Ok(Some(first)) } else { Err(Rejection::TokenConflict) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts = (String, Option<String>, Option<String>);

    fn read(tokens: &[&str], app_check: &[&str], byok: &[&str]) -> Result<Parts, Rejection> {
        let carried = Carried { tokens: tokens.to_vec(), app_check: app_check.to_vec(), byok: byok.to_vec() };
        let found = carried.credentials()?;
        Ok((found.token.to_string(), found.app_check, found.byok.map(|byok| byok.to_string())))
    }

    fn parts(token: &str, app_check: Option<&str>, byok: Option<&str>) -> Result<Parts, Rejection> {
        Ok((token.to_owned(), app_check.map(str::to_owned), byok.map(str::to_owned)))
    }

    #[test]
    fn suffixes_are_told_apart_by_their_beginning() {
        assert_eq!(read(&["j"], &[], &[]), parts("j", None, None));
        assert_eq!(read(&["j~a.b.c"], &[], &[]), parts("j", Some("a.b.c"), None));
        assert_eq!(read(&["j~kwb_1_2"], &[], &[]), parts("j", None, Some("kwb_1_2")));
        for both in ["j~kwb_1_2~a.b.c", "j~a.b.c~kwb_1_2"] {
            assert_eq!(read(&[both], &[], &[]), parts("j", Some("a.b.c"), Some("kwb_1_2")), "{both}");
        }
        assert_eq!(read(&["j~"], &[], &[]), parts("j", None, None), "an SDK that has no App Check token yet");
        assert_eq!(read(&["j"], &["a.b.c"], &["kwb_1_2"]), parts("j", Some("a.b.c"), Some("kwb_1_2")));
    }

    #[test]
    fn two_different_credentials_of_a_kind_are_refused() {
        for (tokens, app_check, byok) in [
            (&["j", "k"][..], &[][..], &[][..]),
            (&["j~a", "k~a"], &[], &[]),
            (&["j~a~b"], &[], &[]),
            (&["j~a"], &["b"], &[]),
            (&["j~kwb_1~kwb_2"], &[], &[]),
            (&["j~kwb_1"], &[], &["kwb_2"]),
            (&["j"], &["a", "b"], &[]),
        ] {
            assert_eq!(read(tokens, app_check, byok), Err(Rejection::TokenConflict), "{tokens:?}");
        }
        assert_eq!(read(&["j~a", "j"], &["a"], &[]), parts("j", Some("a"), None), "the same one twice");
    }

    #[test]
    fn a_suffix_alone_is_no_token() {
        assert_eq!(read(&["~a.b.c"], &["a.b.c"], &["kwb_1"]), Err(Rejection::TokenMissing));
        assert_eq!(read(&[], &[], &[]), Err(Rejection::TokenMissing));
    }
}
