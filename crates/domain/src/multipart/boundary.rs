//! The boundary that a Content-Type gives.

use super::FormError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary(String);

impl Boundary {
    /// `multipart/form-data; boundary=…`, with no other parameter than a charset.
    pub fn of(content_type: &str) -> Result<Self, FormError> {
        let (media_type, params) = content_type.split_once(';').ok_or(FormError::Boundary)?;
        if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
            return Err(FormError::Boundary);
        }
        let mut found = None;
        for param in params.split(';').map(str::trim).filter(|param| !param.is_empty()) {
            let (name, value) = param.split_once('=').ok_or(FormError::Boundary)?;
            match name.to_ascii_lowercase().as_str() {
                "boundary" if found.is_none() => found = Some(unquoted(value)?),
                "charset" if unquoted(value)?.eq_ignore_ascii_case("utf-8") => {}
                _ => return Err(FormError::Boundary),
            }
        }
        let text = found.filter(|text| is_sane(text)).ok_or(FormError::Boundary)?;
        Ok(Self(text.to_owned()))
    }

    /// With the two hyphens that precede it wherever it stands.
    pub fn delimiter(&self) -> Vec<u8> {
        format!("--{}", self.0).into_bytes()
    }
}

fn unquoted(value: &str) -> Result<&str, FormError> {
    let inner = value.strip_prefix('"').map(|rest| rest.strip_suffix('"').ok_or(FormError::Boundary));
    inner.transpose().map(|inner| inner.unwrap_or(value))
}

/// RFC 2046, section 5.1.1, without the space, which some cut off.
fn is_sane(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b);
    (1..=70).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_clients_write() {
        for (content_type, want) in [
            (
                "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
                "----WebKitFormBoundary7MA4YWxkTrZu0gW",
            ),
            ("multipart/form-data; boundary=\"b\"", "b"),
            ("Multipart/Form-Data;boundary=a'()+_,-./:=?z", "a'()+_,-./:=?z"),
            ("multipart/form-data; charset=UTF-8; boundary=b", "b"),
        ] {
            assert_eq!(Boundary::of(content_type), Ok(Boundary(want.to_owned())), "{content_type}");
        }
    }

    #[test]
    fn refuses_a_boundary_that_two_could_read_in_two_ways() {
        let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
        for content_type in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=\"a",
            "multipart/form-data; boundary=a b",
            "multipart/form-data; boundary=a\"b",
            "multipart/form-data; boundary=a; boundary=b",
            "multipart/form-data; boundary*=utf-8''b",
            "multipart/form-data; boundary=a; charset=utf-16",
            "multipart/form-data; boundary=\"a;b\"",
            "multipart/mixed; boundary=a",
            long.as_str(),
        ] {
            assert_eq!(Boundary::of(content_type), Err(FormError::Boundary), "{content_type}");
        }
    }
}
