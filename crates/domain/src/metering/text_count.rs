//! How many characters of text a reply holds, in a value or in JSON that nobody needs as a value.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Characters of all text in a value; encoded media counts nothing.
pub fn text_chars(value: &Value) -> u64 {
    match value {
        Value::String(text) => chars(text),
        Value::Array(items) => items.iter().map(text_chars).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| member_chars(name, value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

fn member_chars(name: &str, value: &Value) -> u64 {
    if is_label(name) { 0 } else { text_chars(value) }
}

fn chars(text: &str) -> u64 {
    if text.starts_with("data:") { 0 } else { text.chars().count() as u64 }
}

fn is_label(name: &str) -> bool {
    matches!(name, "data" | "b64_json" | "role" | "type" | "id" | "model" | "signature" | "mimeType")
}

/// The same, without making the value; `None` of what is not JSON. Of a member that is there twice, both count.
pub fn of_json(text: &[u8]) -> Option<u64> {
    let mut chars = 0;
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Count { chars: &mut chars, counts: true }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(chars)
}

struct Count<'a> {
    chars: &'a mut u64,
    /// What is below a label is read, and does not.
    counts: bool,
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.counts {
            *self.chars += chars(text);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Count { chars: self.chars, counts: self.counts })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(is_label) = map.next_key_seed(Label)? {
            map.next_value_seed(Count { chars: self.chars, counts: self.counts && !is_label })?;
        }
        Ok(())
    }
}

/// Whether a member's name says that it is no text.
struct Label;

impl<'de> DeserializeSeed<'de> for Label {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Label {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(is_label(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![Just("data:image/png;base64,AA".to_owned()), "[a-c\\\\\"\u{e9}\u{1f600}]{0,8}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let name = prop_oneof![Just("id".to_owned()), Just("data".to_owned()), "[a-c\"]{1,2}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::btree_map(name, inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_holds_as_much_text_as_its_value(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            prop_assert_eq!(of_json(text.expect("JSON").as_bytes()), Some(text_chars(&value)));
        }
    }

    #[test]
    fn what_is_no_json_holds_none() {
        for text in ["", "[1,", "[\"\\x\"]", "[1] 2", "1e999", "[\"\u{1}\"]"] {
            let is_json = serde_json::from_str::<Value>(text).is_ok();
            assert_eq!(of_json(text.as_bytes()).is_some(), is_json, "{text:?}");
            assert!(!is_json, "{text:?}");
        }
    }
}
