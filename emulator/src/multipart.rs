//! Splits a multipart body (RFC 2046) that is in memory already into its parts, without copying them.

use bytes::Bytes;
use http::{HeaderMap, header};
use memchr::memmem;

#[derive(Debug, Default)]
pub struct Part {
    /// Absent in `multipart/related`.
    pub name: Option<String>,
    pub filename: Option<String>,
    pub content_type: Option<String>,
    pub content: Bytes,
}

impl Part {
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.content).ok()
    }
}

/// The parts of `body`; `None` when the content type names no boundary or the framing is broken.
pub fn parts(headers: &HeaderMap, body: &Bytes) -> Option<Vec<Part>> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !content_type.get(..10)?.eq_ignore_ascii_case("multipart/") {
        return None;
    }
    split(parameter(content_type, "boundary")?.as_str(), body)
}

/// The text fields and the one named `file` of a form.
pub struct Form {
    parts: Vec<Part>,
}

impl Form {
    pub fn read(headers: &HeaderMap, body: &Bytes) -> Option<Self> {
        parts(headers, body).map(|parts| Self { parts })
    }

    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name.as_deref() == Some(name))
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.part(name)?.text()
    }
}

fn split(boundary: &str, body: &Bytes) -> Option<Vec<Part>> {
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n{opening}");
    let finder = memmem::Finder::new(delimiter.as_bytes());

    let mut parts = Vec::new();
    let mut position = match body.starts_with(opening.as_bytes()) {
        true => opening.len(),
        // What is before the first delimiter is a preamble.
        false => finder.find(body)? + delimiter.len(),
    };
    while !body[position..].starts_with(b"--") {
        let start = position + memmem::find(&body[position..], b"\r\n")? + 2;
        let end = start + finder.find(&body[start..])?;
        parts.push(part(&body.slice(start..end))?);
        position = end + delimiter.len();
    }
    Some(parts)
}

fn part(bytes: &Bytes) -> Option<Part> {
    let (head, content) = match bytes.starts_with(b"\r\n") {
        true => (&bytes[..0], bytes.slice(2..)),
        false => {
            let end = memmem::find(bytes, b"\r\n\r\n")?;
            (&bytes[..end], bytes.slice(end + 4..))
        }
    };
    let mut part = Part { content, ..Part::default() };
    for line in std::str::from_utf8(head).ok()?.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" => part.content_type = Some(value.trim().to_owned()),
            "content-disposition" => {
                part.name = parameter(value, "name");
                part.filename = parameter(value, "filename");
            }
            _ => {}
        }
    }
    Some(part)
}

/// A parameter of a header value, quoted or not. Quoted pairs are unescaped; separators inside quotes do not count.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (content, next) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim_end().to_owned(), &after[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(content);
        }
        rest = next.trim_start().strip_prefix(';')?;
    }
}

/// The text up to the closing quote, and what follows it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = quoted.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return Some((content, &quoted[position + 1..])),
            '\\' => content.push(characters.next()?.1),
            _ => content.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn splits_a_form_byte_for_byte() {
        let body = Bytes::from_static(
            b"--b1\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n\
              --b1\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a;\\\"b\\\".bin\"\r\n\
              Content-Type: application/octet-stream\r\n\r\n\x00\r\n--b\xff\r\n\r\n--b1--\r\n",
        );
        let form = Form::read(&headers("multipart/form-data; boundary=b1"), &body).unwrap();
        assert_eq!(form.text("purpose"), Some("user_data"));
        let file = form.part("file").unwrap();
        assert_eq!(file.filename.as_deref(), Some("a;\"b\".bin"));
        assert_eq!(file.content_type.as_deref(), Some("application/octet-stream"));
        assert_eq!(&file.content[..], b"\x00\r\n--b\xff\r\n");
    }

    #[test]
    fn splits_related_parts_without_names() {
        let body =
            Bytes::from_static(b"\r\n--x y\r\nContent-Type: application/json\r\n\r\n{}\r\n--x y\r\n\r\nraw\r\n--x y--");
        let parts = parts(&headers("multipart/related; type=\"a\"; boundary=\"x y\""), &body).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[1].text(), Some("raw"));
    }

    #[test]
    fn refuses_what_is_not_multipart_or_is_cut_off() {
        let body = Bytes::from_static(b"--b1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ncut");
        assert!(parts(&headers("multipart/form-data; boundary=b1"), &body).is_none());
        assert!(parts(&headers("multipart/form-data"), &body).is_none());
        assert!(parts(&headers("application/json; boundary=b1"), &body).is_none());
    }
}
