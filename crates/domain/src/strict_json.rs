//! JSON that a rule reads: at most 128 levels deep and without duplicate keys, so that the edge and the upstream
//! can't take two meanings from one body. Also how a chat stream is asked for its figures.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::json_edit::{self, Edit};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrictJsonError {
    #[error("the body is not valid JSON (line {line}, column {column}), or nested deeper than 128 levels")]
    Invalid { line: usize, column: usize },
    #[error("the body's JSON has the same key twice in one object")]
    DuplicateKey,
    #[error("the body's JSON has more values than the edge reads")]
    TooManyValues,
}

const DUPLICATE: &str = "duplicate key";
const TOO_MANY: &str = "too many values";

/// A few bytes of text may become many of memory. This is all that the values of one body may take, besides their text.
pub const MAX_VALUE_BYTES: usize = 64 << 20;
/// In a list that doubles as it grows.
const ELEMENT_BYTES: usize = 2 * size_of::<Value>();
/// A map keeps its members in nodes of eleven, at least half full but for the only one.
pub const MAP_BYTES: usize = 640;
const MEMBER_BYTES: usize = 128;

/// What was read, and how much memory it takes at most, besides the text of its strings.
#[derive(Debug, PartialEq)]
pub struct Measured {
    pub value: Value,
    pub value_bytes: usize,
}

/// serde_json itself refuses more than 128 levels.
pub fn parse(body: &[u8]) -> Result<Value, StrictJsonError> {
    measured(body).map(|measured| measured.value)
}

/// As `parse`, for who counts the memory.
pub fn measured(body: &[u8]) -> Result<Measured, StrictJsonError> {
    let taken = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Strict { taken: &taken }.deserialize(&mut deserializer).map_err(|error| classify(&error))?;
    deserializer.end().map_err(|error| classify(&error))?;
    Ok(Measured { value, value_bytes: taken.get() })
}

fn classify(error: &serde_json::Error) -> StrictJsonError {
    // The only custom messages that can come are ours.
    if error.is_data() {
        let message = error.to_string();
        if message.starts_with(DUPLICATE) {
            return StrictJsonError::DuplicateKey;
        }
        if message.starts_with(TOO_MANY) {
            return StrictJsonError::TooManyValues;
        }
    }
    StrictJsonError::Invalid { line: error.line(), column: error.column() }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    taken: &'a Cell<usize>,
}

impl Strict<'_> {
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        self.taken.set(self.taken.get() + bytes);
        (self.taken.get() <= MAX_VALUE_BYTES).then_some(()).ok_or_else(|| E::custom(TOO_MANY))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            // The first one makes room for four.
            self.take(if items.is_empty() { 2 * ELEMENT_BYTES } else { ELEMENT_BYTES })?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.take(if members.is_empty() { MAP_BYTES } else { MEMBER_BYTES })?;
            let value = map.next_value_seed(self)?;
            if members.insert(key, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(members))
    }
}

/// Asks an OpenAI chat stream for its usage figures; all else stays byte for byte as it was written.
/// `None` when the client asked for them itself.
pub fn with_stream_usage(body: &[u8]) -> Option<Vec<u8>> {
    with_usage_of(body, &serde_json::from_slice(body).ok()?)
}

/// The same for a body that was read before.
pub fn with_usage_of(body: &[u8], value: &Value) -> Option<Vec<u8>> {
    let edit = match &value["stream_options"] {
        Value::Object(options) if options.get("include_usage") == Some(&Value::Bool(true)) => return None,
        Value::Object(_) => Edit::set("/stream_options/include_usage", "true"),
        _ => Edit::set("/stream_options", r#"{"include_usage":true}"#),
    };
    json_edit::apply(body, &[edit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#"{"a":[1,-2,3.5,"x",null,true],"b":{"c":18446744073709551615}}"#;
        assert_eq!(parse(text.as_bytes()).ok(), serde_json::from_str::<Value>(text).ok());
    }

    #[test]
    fn refuses_a_duplicate_key_at_any_depth_even_when_it_is_escaped() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"x":{"a":1,"b":2,"a":1}}]"#, r#"{"file_id":"x","file\u005fid":"y"}"#] {
            assert_eq!(parse(text.as_bytes()), Err(StrictJsonError::DuplicateKey), "{text}");
        }
        assert!(parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn refuses_more_than_128_levels_and_trailing_bytes() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(nested(127).as_bytes()).is_ok());
        assert!(matches!(parse(nested(200).as_bytes()), Err(StrictJsonError::Invalid { .. })));
        assert!(matches!(parse(b"{} {}"), Err(StrictJsonError::Invalid { .. })));
        assert!(matches!(parse(b""), Err(StrictJsonError::Invalid { .. })));
    }

    #[test]
    fn refuses_a_small_text_that_becomes_many_values() {
        let list = |item: &str, times: usize| format!("[{}]", vec![item; times].join(","));
        // Far below 4 MiB, and hundreds of megabytes as values.
        for text in [list("{\"\":0}", 500_000), list("0", 2_000_000), list("[[]]", 700_000), list("[0]", 700_000)] {
            assert_eq!(parse(text.as_bytes()), Err(StrictJsonError::TooManyValues), "{} bytes", text.len());
        }
        let members: Vec<String> = (0..600_000).map(|at| format!("\"{at:x}\":0")).collect();
        assert_eq!(parse(format!("{{{}}}", members.join(",")).as_bytes()), Err(StrictJsonError::TooManyValues));
    }

    #[test]
    fn a_large_body_of_text_or_of_tokens_is_no_such_thing() {
        let picture = format!("{{\"image\":\"{}\"}}", "A".repeat(1 << 20));
        assert!(measured(picture.as_bytes()).is_ok_and(|body| body.value_bytes < 1_000));
        let tokens = format!("{{\"input\":[{}]}}", vec!["10345"; 600_000].join(","));
        let read = measured(tokens.as_bytes()).expect("300,000 tokens are what OpenAI takes");
        assert!(read.value_bytes >= 600_000 * size_of::<Value>() && read.value_bytes < MAX_VALUE_BYTES);
    }

    fn injected(body: &str) -> Option<String> {
        with_stream_usage(body.as_bytes()).map(|bytes| String::from_utf8(bytes).expect("JSON is UTF-8"))
    }

    #[test]
    fn asking_for_usage_changes_nothing_else() {
        assert_eq!(
            injected(r#"{"z": 1.50e3, "stream":true,"a":"\u00e9"}"#).as_deref(),
            Some(r#"{"z": 1.50e3, "stream":true,"a":"\u00e9","stream_options":{"include_usage":true}}"#)
        );
        assert_eq!(
            injected(r#"{"stream_options":{"include_usage":false,"x":1},"n":1}"#).as_deref(),
            Some(r#"{"stream_options":{"include_usage":true,"x":1},"n":1}"#)
        );
        assert_eq!(injected(r#"{"stream_options":{"include_usage":true}}"#), None);
        assert_eq!(injected("{}").as_deref(), Some(r#"{"stream_options":{"include_usage":true}}"#));
    }
}
