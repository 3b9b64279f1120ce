//! The header of one part: which field it is, and whether it is a file.

use super::{FormError, MAX_HEAD_FIELDS};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHead {
    pub name: String,
    pub is_file: bool,
    /// Lower case, with its parameters; empty when there is none.
    pub content_type: String,
}

impl PartHead {
    /// `text` is all between the boundary's line and the empty line.
    pub fn parse(text: &[u8]) -> Result<Self, FormError> {
        let text = std::str::from_utf8(text).map_err(|_| FormError::Head)?;
        let lines: Vec<&str> = text.split("\r\n").collect();
        if lines.len() > MAX_HEAD_FIELDS {
            return Err(FormError::HeadTooLarge);
        }
        let (mut disposition, mut content_type) = (None, None);
        for line in lines {
            let (name, value) = field(line)?;
            match name.to_ascii_lowercase().as_str() {
                "content-disposition" if disposition.is_none() => disposition = Some(value),
                "content-type" if content_type.is_none() => content_type = Some(value.to_ascii_lowercase()),
                "content-disposition" | "content-type" => return Err(FormError::Head),
                // What is encoded once more reads differently to those who know of it and those who don't.
                "content-transfer-encoding" if !is_plain_encoding(value) => return Err(FormError::Head),
                _ => {}
            }
        }
        let content_type = content_type.unwrap_or_default();
        if content_type.starts_with("multipart/") || content_type.starts_with("message/") {
            return Err(FormError::Head);
        }
        let (name, is_file) = named(disposition.ok_or(FormError::Head)?)?;
        Ok(Self { name, is_file, content_type })
    }

    /// Bytes of another charset are another text.
    pub fn is_utf8_text(&self) -> bool {
        !self.content_type.contains("charset") || self.content_type.contains("utf-8")
    }
}

fn field(line: &str) -> Result<(&str, &str), FormError> {
    let (name, value) = line.split_once(':').ok_or(FormError::Head)?;
    // A name with a space before its colon, or a line that continues the one before, is another field to others.
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let is_clean =
        !name.is_empty() && name.bytes().all(is_token) && !value.chars().any(|c| c.is_control() && c != '\t');
    is_clean.then(|| (name, value.trim_matches([' ', '\t']))).ok_or(FormError::Head)
}

fn is_plain_encoding(value: &str) -> bool {
    ["7bit", "8bit", "binary"].iter().any(|plain| value.eq_ignore_ascii_case(plain))
}

/// `form-data; name="model"; filename="…"`, each parameter once and no other, spelled so and in this order: whoever looks for
/// the text `name=` would find it in a file's name first.
fn named(disposition: &str) -> Result<(String, bool), FormError> {
    let rest = disposition.get(..9).filter(|kind| kind.eq_ignore_ascii_case("form-data")).ok_or(FormError::Head)?;
    let mut rest = disposition[rest.len()..].trim_start();
    let (mut name, mut plain_file, mut extended_file) = (None, None, None);
    while !rest.is_empty() {
        let (key, behind) = rest.strip_prefix(';').and_then(|rest| rest.split_once('=')).ok_or(FormError::Head)?;
        let (value, behind) = parameter(behind)?;
        let kept = match key.trim() {
            "name" => &mut name,
            "filename" if name.is_some() => &mut plain_file,
            "filename*" if name.is_some() => &mut extended_file,
            _ => return Err(FormError::Head),
        };
        if kept.replace(value).is_some() {
            return Err(FormError::Head);
        }
        rest = behind.trim_start();
    }
    let is_nameable = |name: &&str| !name.is_empty() && !name.contains(['\\', '\0']);
    let name = name.filter(is_nameable).ok_or(FormError::FieldName)?;
    Ok((name.to_owned(), plain_file.is_some() || extended_file.is_some()))
}

/// A quote behind a backslash ends the value for some and not for others.
fn parameter(text: &str) -> Result<(&str, &str), FormError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
        return (end > 0).then(|| text.split_at(end)).ok_or(FormError::Head);
    };
    let (value, behind) = quoted.split_once('"').ok_or(FormError::Head)?;
    (!value.ends_with('\\')).then_some((value, behind)).ok_or(FormError::Head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, bool), FormError> {
        PartHead::parse(text.as_bytes()).map(|head| (head.name, head.is_file))
    }

    #[test]
    fn reads_what_clients_write() {
        for (text, name, is_file) in [
            ("Content-Disposition: form-data; name=\"model\"", "model", false),
            ("content-disposition:form-data;name=model", "model", false),
            (
                "Content-Disposition: form-data; name=\"file\"; filename=\"a b;c=\u{e9}.wav\"\r\nContent-Type: audio/wav",
                "file",
                true,
            ),
            ("Content-Disposition: form-data; name=\"f\"; filename=\"C:\\x.wav\"; filename*=UTF-8''x.wav", "f", true),
            ("Content-Disposition: form-data; name=\"image[]\"; filename=\"\"", "image[]", true),
            (
                "Content-Length: 5\r\nContent-Disposition: form-data; name=\"n\"\r\nContent-Transfer-Encoding: 8bit",
                "n",
                false,
            ),
        ] {
            assert_eq!(parse(text), Ok((name.to_owned(), is_file)), "{text}");
        }
    }

    #[test]
    fn refuses_a_header_that_two_could_read_in_two_ways() {
        for text in [
            "",
            "Content-Type: text/plain",
            "Content-Disposition: attachment; name=\"model\"",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data; name=\"\"",
            "Content-Disposition: form-data; name=\"a\"; name=\"model\"",
            "Content-Disposition: form-data; name=\"a\"; name*=utf-8''model",
            "Content-Disposition: form-data; name*0=\"mo\"; name*1=\"del\"",
            "Content-Disposition: form-data; name=\"mod\\el\"",
            "Content-Disposition: form-data; name=\"a\"; filename=\"x\\\"; name=\"model\"",
            "Content-Disposition: form-data; name=\"a\" name=\"model\"",
            "Content-Disposition: form-data; naMe=\"file\"; filename=\"a; name=model\"",
            "Content-Disposition: form-data; filename=\"a; name=model\"; name=\"file\"",
            "Content-Disposition: form-data; name=\"a",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\"",
            "Content-Disposition : form-data; name=\"a\"",
            "Content-Disposition: form-data;\r\n name=\"a\"",
            "Content-Disposition: form-data; name=\"a\"\r\nno colon",
            "Content-Disposition: form-data; name=\"a\nb\"",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: multipart/mixed; boundary=c",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let many = format!("Content-Disposition: form-data; name=\"a\"{}", "\r\nX-A: b".repeat(MAX_HEAD_FIELDS));
        assert_eq!(parse(&many), Err(FormError::HeadTooLarge));
    }

    #[test]
    fn text_is_utf8_unless_it_says_otherwise() {
        let head = |content_type: &str| {
            let text = format!("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: {content_type}");
            PartHead::parse(text.as_bytes()).expect("a head").is_utf8_text()
        };
        assert!(head("text/plain") && head("text/plain; charset=UTF-8") && !head("text/plain; charset=utf-16"));
    }
}
