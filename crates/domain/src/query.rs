//! Query parameters, parsed once and written anew: only names on a rule's list travel on.

use std::collections::BTreeMap;

use url::form_urlencoded;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error("the query has a % that is not followed by two hexadecimal digits")]
    BadEscape,
    #[error("the query has a control or non-UTF-8 character")]
    ForbiddenCharacter,
    #[error("the query parameter {0:?} is given twice")]
    Repeated(String),
    #[error("the query parameter {0:?} is not allowed on this endpoint")]
    NotAllowed(String),
    #[error("the query parameter {0:?} has a value that is not allowed on this API")]
    ValueNotAllowed(String),
}

impl Query {
    pub fn parse(raw: &str) -> Result<Self, QueryError> {
        check_escapes(raw)?;
        let mut pairs = Vec::new();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            // The parser puts U+FFFD where the bytes were not UTF-8.
            if name.chars().chain(value.chars()).any(|c| c.is_control() || c == '\u{fffd}') {
                return Err(QueryError::ForbiddenCharacter);
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Takes all values of a name out; for credentials, which never travel on.
    pub fn take(&mut self, name: &str) -> Vec<String> {
        let (taken, kept) =
            std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key.eq_ignore_ascii_case(name));
        self.0 = kept;
        taken.into_iter().map(|(_, value): (String, String)| value).collect()
    }

    /// Sets one value, for what the edge itself asks of the upstream.
    pub fn set(&mut self, name: &str, value: &str) {
        self.take(name);
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// All parameters, if every one is on the list. Only names like `include[]` may repeat: which of two values
    /// counts is otherwise for each server to guess.
    pub fn admitted(self, allowed: &[String]) -> Result<Self, QueryError> {
        for (at, (name, _)) in self.0.iter().enumerate() {
            if !allowed.contains(name) {
                return Err(QueryError::NotAllowed(name.clone()));
            }
            if !name.ends_with("[]") && self.0[..at].iter().any(|(other, _)| other == name) {
                return Err(QueryError::Repeated(name.clone()));
            }
        }
        Ok(self)
    }

    /// Whether each parameter of these names has one of its values.
    pub fn check_values(&self, allowed: &BTreeMap<String, Vec<String>>) -> Result<(), QueryError> {
        let is_off =
            |(name, value): &&(String, String)| allowed.get(name).is_some_and(|values| !values.contains(value));
        match self.0.iter().find(is_off) {
            Some((name, _)) => Err(QueryError::ValueNotAllowed(name.clone())),
            None => Ok(()),
        }
    }

    /// `a=1&b=2`, escaped; empty without parameters.
    pub fn rebuild(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

fn check_escapes(raw: &str) -> Result<(), QueryError> {
    if !raw.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(QueryError::ForbiddenCharacter);
    }
    let mut rest = raw;
    while let Some(at) = rest.find('%') {
        let digits = rest.get(at + 1..at + 3).ok_or(QueryError::BadEscape)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(QueryError::BadEscape);
        }
        rest = &rest[at + 3..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(raw: &str, allowed: &[&str]) -> Result<String, QueryError> {
        let allowed: Vec<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        Ok(Query::parse(raw)?.admitted(&allowed)?.rebuild())
    }

    #[test]
    fn only_listed_parameters_pass() {
        assert_eq!(admitted("limit=2&after=file-1", &["limit", "after"]), Ok("limit=2&after=file-1".to_owned()));
        assert_eq!(admitted("", &[]), Ok(String::new()));
        assert_eq!(admitted("admin=1", &["limit"]), Err(QueryError::NotAllowed("admin".to_owned())));
    }

    #[test]
    fn a_repeated_parameter_is_ambiguous_unless_it_is_a_list() {
        assert_eq!(admitted("limit=1&limit=2", &["limit"]), Err(QueryError::Repeated("limit".to_owned())));
        assert_eq!(admitted("i[]=a&i[]=b", &["i[]"]), Ok("i%5B%5D=a&i%5B%5D=b".to_owned()));
    }

    #[test]
    fn a_parameter_with_listed_values_has_one_of_them() {
        let allowed = BTreeMap::from([("alt".to_owned(), vec!["json".to_owned(), "sse".to_owned()])]);
        for (raw, passes) in [("alt=sse", true), ("", true), ("other=x", true), ("alt=media", false), ("alt=", false)] {
            assert_eq!(Query::parse(raw).expect("a query").check_values(&allowed).is_ok(), passes, "{raw}");
        }
    }

    #[test]
    fn bad_escapes_and_control_characters_are_refused() {
        for raw in ["a=%", "a=%2", "a=%zz"] {
            assert_eq!(admitted(raw, &["a"]), Err(QueryError::BadEscape), "{raw}");
        }
        for raw in ["a=%00", "a=%0d%0a", "a=%ff", "a=ü"] {
            assert_eq!(admitted(raw, &["a"]), Err(QueryError::ForbiddenCharacter), "{raw}");
        }
    }

    #[test]
    fn credentials_are_taken_out_whatever_their_case() {
        let mut query = Query::parse("KEY=one&alt=sse&key=two").expect("a query");
        assert_eq!(query.take("key"), ["one", "two"]);
        assert_eq!(query.rebuild(), "alt=sse");
    }
}
