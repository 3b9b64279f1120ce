//! A whole form whose text fields a rule reads, and may change.

use std::collections::BTreeSet;

use memchr::memmem;
use serde_json::{Map, Value};

use super::{Boundary, FormError, FormScan, MAX_TEXT_BYTES, Part};
use crate::json_edit::Edit;

pub struct Form<'a> {
    bytes: &'a [u8],
    delimiter: Vec<u8>,
    parts: Vec<Part>,
}

impl<'a> Form<'a> {
    /// `read` are the fields that rules look at: each may be there once, as text, under its plain name.
    pub fn parse(bytes: &'a [u8], boundary: &Boundary, read: &BTreeSet<&str>) -> Result<Self, FormError> {
        let mut scan = FormScan::new(boundary);
        scan.push(bytes)?;
        let parts = scan.finish()?;
        let mut seen = BTreeSet::new();
        for Part { head, .. } in &parts {
            // Frameworks make one field of `model`, `model[]` and `model[0]`.
            let plain = head.name.split(['[', '.']).next().unwrap_or_default();
            let means = read.iter().find(|name| plain.eq_ignore_ascii_case(name));
            match means {
                None => continue,
                Some(name) if *name != head.name || head.is_file || !head.is_utf8_text() => {
                    return Err(FormError::FieldName);
                }
                Some(name) if !seen.insert(*name) => return Err(FormError::RepeatedField),
                Some(_) => {}
            }
        }
        Ok(Self { bytes, delimiter: boundary.delimiter(), parts })
    }

    /// The text fields, as the members of a JSON object would be; of a repeated one, a list.
    /// `numbers` are the fields that hold a whole number.
    pub fn fields(&self, numbers: &BTreeSet<&str>) -> Result<Value, FormError> {
        let mut fields = Map::new();
        for part in self.parts.iter().filter(|part| !part.head.is_file) {
            let text = self.text(part)?;
            let is_number = numbers.contains(part.head.name.as_str()) && text.bytes().all(|b| b.is_ascii_digit());
            let value = text.parse::<u64>().ok().filter(|_| is_number).map_or_else(|| Value::from(text), Value::from);
            match fields.get_mut(&part.head.name) {
                None => drop(fields.insert(part.head.name.clone(), value)),
                Some(Value::Array(values)) => values.push(value),
                Some(one) => *one = Value::Array(vec![one.take(), value]),
            }
        }
        Ok(Value::Object(fields))
    }

    fn text(&self, part: &Part) -> Result<&'a str, FormError> {
        let bytes = &self.bytes[part.start..part.end];
        if bytes.len() > MAX_TEXT_BYTES {
            return Err(FormError::TextTooLong);
        }
        std::str::from_utf8(bytes).map_err(|_| FormError::NotText)
    }

    /// The form with these fields changed. `None` for a change that a form can't hold.
    pub fn edited(&self, edits: &[Edit]) -> Option<Vec<u8>> {
        let mut changed = Vec::with_capacity(self.bytes.len() + 256);
        let mut added = Vec::new();
        let mut values: Vec<(usize, Option<String>)> = Vec::new();
        for edit in edits {
            let (place, value) = match edit {
                Edit::Set { place, json } => (place, Some(plain(json)?)),
                Edit::Remove { place } => (place, None),
                Edit::Prepend { .. } => return None,
            };
            let [name] = place.as_slice() else { return None };
            // It would end the field early.
            if value.as_ref().is_some_and(|value| memmem::find(value.as_bytes(), &self.delimiter).is_some()) {
                return None;
            }
            match (self.parts.iter().position(|part| part.head.name == *name), value) {
                (Some(at), value) => values.push((at, value)),
                (None, Some(value)) => added.push((name, value)),
                (None, None) => {}
            }
        }
        for (at, part) in self.parts.iter().enumerate() {
            // From the boundary before it to its content.
            let start = at.checked_sub(1).map_or(0, |before| self.parts[before].end + 2);
            let content = match values.iter().rev().find(|(of, _)| *of == at) {
                Some((_, None)) => continue,
                Some((_, Some(value))) => value.as_bytes(),
                None => &self.bytes[part.start..part.end],
            };
            changed.extend_from_slice(&self.bytes[start..part.start]);
            changed.extend_from_slice(content);
            changed.extend_from_slice(b"\r\n");
        }
        for (name, value) in added {
            changed.extend_from_slice(&self.delimiter);
            let head = format!("\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            changed.extend_from_slice(head.as_bytes());
        }
        changed.extend_from_slice(&self.delimiter);
        changed.extend_from_slice(b"--\r\n");
        Some(changed)
    }
}

/// A form knows text only.
fn plain(json: &str) -> Option<String> {
    match serde_json::from_str(json).ok()? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n\u{0}so\r\nund\r\n\
        --b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
        --b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n3\r\n\
        --b\r\nContent-Disposition: form-data; name=\"include[]\"\r\n\r\nx\r\n\
        --b\r\nContent-Disposition: form-data; name=\"include[]\"\r\n\r\ny\r\n--b--\r\n";

    fn boundary() -> Boundary {
        Boundary::of("multipart/form-data; boundary=b").expect("sane")
    }

    fn form(text: &str) -> Result<Form<'_>, FormError> {
        Form::parse(text.as_bytes(), &boundary(), &BTreeSet::from(["model", "n", "user"]))
    }

    #[test]
    fn its_text_fields_are_read_and_its_files_are_not() {
        let fields = form(FORM).expect("a form").fields(&BTreeSet::from(["n"]));
        assert_eq!(fields, Ok(json!({"model": "whisper-1", "n": 3, "include[]": ["x", "y"]})));
    }

    #[test]
    fn a_change_leaves_every_other_byte() {
        let edits = [Edit::set("/model", "\"gpt-4o-transcribe\""), Edit::set("/n", "1"), Edit::set("/user", "\"u\"")];
        let changed = form(FORM).expect("a form").edited(&edits).expect("text fields");
        let want = FORM.replace("whisper-1", "gpt-4o-transcribe").replace("\r\n3\r\n", "\r\n1\r\n");
        let want = want.replace("--b--", "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nu\r\n--b--");
        assert_eq!(String::from_utf8(changed).expect("text"), want);
        let removed = form(FORM).expect("a form").edited(&[Edit::Remove { place: vec!["model".to_owned()] }]);
        let want = FORM.replace("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n", "");
        assert_eq!(String::from_utf8(removed.expect("text fields")).expect("text"), want);
        assert_eq!(form(FORM).expect("a form").edited(&[]).expect("the same"), FORM.as_bytes());
    }

    #[test]
    fn a_field_that_is_read_has_one_plain_name() {
        let part = |head: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\nx\r\n");
        let model = part("name=\"model\"");
        for (parts, want) in [
            (format!("{model}{model}"), FormError::RepeatedField),
            (part("name=\"model\"; filename=\"x\""), FormError::FieldName),
            (part("name=\"model[]\""), FormError::FieldName),
            (format!("{model}{}", part("name=\"model[0]\"")), FormError::FieldName),
            (format!("{model}{}", part("name=\"Model\"")), FormError::FieldName),
            (part("name=\"model.x\""), FormError::FieldName),
            (part("name=\"model\"\r\nContent-Type: text/plain; charset=utf-16"), FormError::FieldName),
        ] {
            assert_eq!(form(&format!("{parts}--b--")).err(), Some(want), "{parts}");
        }
        assert!(form(&format!("{model}{}--b--", part("name=\"model_hint\""))).is_ok());
    }

    #[test]
    fn a_text_field_is_text_and_short() {
        let with = |content: &[u8]| {
            let head: &[u8] = b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n";
            let text = [head, content, b"\r\n--b--\r\n"].concat();
            let read = Form::parse(&text, &boundary(), &BTreeSet::new()).expect("a form").fields(&BTreeSet::new());
            read.err()
        };
        assert_eq!(with(b"\xff\xfe"), Some(FormError::NotText));
        assert_eq!(with(&vec![b'x'; MAX_TEXT_BYTES + 1]), Some(FormError::TextTooLong));
        assert_eq!(with(&vec![b'x'; MAX_TEXT_BYTES]), None);
    }
}
