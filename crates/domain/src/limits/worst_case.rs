//! The most a call may use, as far as its body tells: what is reserved before it goes out. What was used is known later.

use serde_json::Value;

use crate::usage::TokenCounts;

/// Where neither the body nor the list of models names a maximum.
pub const DEFAULT_OUTPUT_TOKENS: u64 = 4_096;
/// Of text in Latin letters a token is about 4 bytes, of others about 3.
const BYTES_PER_TOKEN: u64 = 3;
/// A picture, a page or a piece of sound, whose size in tokens is not known before.
const MEDIA_TOKENS: u64 = 1_600;
/// More answers than this are in no provider's range.
const MOST_ANSWERS: u64 = 128;
const PLAUSIBLE_TOKENS: u64 = 100_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorstCase {
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// It holds more than text, which may have a price of its own.
    pub has_media: bool,
}

impl WorstCase {
    /// `model_output_tokens`: the most the model writes, where the list says so.
    pub fn of(body: &Value, model_output_tokens: Option<u64>) -> Self {
        let (text_bytes, media) = content(body);
        let input_tokens = text_bytes.div_ceil(BYTES_PER_TOKEN) + media * MEDIA_TOKENS;
        let default = model_output_tokens.unwrap_or(DEFAULT_OUTPUT_TOKENS);
        let output_tokens = asked_output(body).unwrap_or(default).min(PLAUSIBLE_TOKENS) * answers(body);
        let has_media = media > 0 || body["modalities"].is_array() || body["audio"].is_object();
        let [input_tokens, output_tokens] = [input_tokens, output_tokens].map(|tokens| tokens.min(PLAUSIBLE_TOKENS));
        Self { input_tokens, output_tokens, has_media }
    }

    /// The larger of both, in each respect.
    pub fn or(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.max(other.input_tokens),
            output_tokens: self.output_tokens.max(other.output_tokens),
            has_media: self.has_media || other.has_media,
        }
    }

    pub fn tokens(self) -> TokenCounts {
        TokenCounts { input: self.input_tokens, output: self.output_tokens, ..TokenCounts::default() }
    }

    pub fn total_tokens(self) -> u64 {
        self.input_tokens + self.output_tokens
    }
}

/// The providers' names for the same thing. Of several, the largest: one of them will be obeyed.
fn asked_output(body: &Value) -> Option<u64> {
    let generation = [&body["generationConfig"], &body["generation_config"]];
    let plain = ["max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample", "max_new_tokens"];
    let nested = generation.into_iter().flat_map(|config| [&config["maxOutputTokens"], &config["max_output_tokens"]]);
    plain.into_iter().map(|name| &body[name]).chain(nested).filter_map(whole).max()
}

fn answers(body: &Value) -> u64 {
    let generation = [&body["generationConfig"], &body["generation_config"]];
    let nested = generation.into_iter().flat_map(|config| [&config["candidateCount"], &config["candidate_count"]]);
    let asked = ["n", "best_of"].into_iter().map(|name| &body[name]).chain(nested).filter_map(whole).max();
    asked.unwrap_or(1).clamp(1, MOST_ANSWERS)
}

/// A number with a fraction counts as the next whole one: some providers take `100.0`, and Google's take `"100"`.
fn whole(value: &Value) -> Option<u64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    value.as_u64().or_else(|| number.filter(|number| *number >= 0.0).map(|number| number.ceil() as u64))
}

/// Bytes of text and pieces of media.
fn content(value: &Value) -> (u64, u64) {
    match value {
        Value::String(text) if is_encoded(text, "data:image/") => (0, 1),
        Value::String(text) if is_encoded(text, "data:audio/") => sound(text),
        Value::String(text) => (text.len() as u64, 0),
        Value::Array(items) => items.iter().map(content).fold((0, 0), added),
        Value::Object(members) => {
            let kind = ["mimeType", "mime_type", "media_type", "format"].into_iter().find_map(|name| members.get(name));
            let kind = kind.and_then(Value::as_str).unwrap_or_default();
            members.iter().map(|(name, value)| member(name, value, kind)).fold((0, 0), added)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => (0, 0),
    }
}

/// A document or plain text counts by its length: it may be all text. `kind` is what stands beside it.
fn member(name: &str, value: &Value, kind: &str) -> (u64, u64) {
    match (name, value) {
        ("b64_json", Value::String(_)) => (0, 1),
        ("data", Value::String(_)) if kind.starts_with("image/") => (0, 1),
        ("data", Value::String(text)) if kind.starts_with("audio/") || matches!(kind, "wav" | "mp3") => sound(text),
        ("data" | "file_data", Value::String(text)) if !text.starts_with("data:") => (text.len() as u64, 1),
        ("image_url" | "file_id" | "fileUri" | "file_uri", _) => (0, 1),
        ("model" | "role" | "type" | "mimeType" | "media_type", _) => (0, 0),
        // Names of members are part of the schemas of tools.
        (name, value) => added((name.len() as u64, 0), content(value)),
    }
}

fn is_encoded(text: &str, start: &str) -> bool {
    text.starts_with(start) && !text.bytes().any(|byte| byte.is_ascii_whitespace())
}

/// The sparest coding of speech takes about 30 encoded bytes for what a model reads as a token.
fn sound(encoded: &str) -> (u64, u64) {
    (encoded.len() as u64 / 10, 1)
}

fn added((bytes, media): (u64, u64), (more_bytes, more_media): (u64, u64)) -> (u64, u64) {
    (bytes + more_bytes, media + more_media)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_output_is_what_the_body_or_else_the_model_allows() {
        for (body, model, output) in [
            (json!({"max_tokens": 100}), Some(8_000), 100),
            (json!({"max_completion_tokens": 50, "n": 3}), None, 150),
            (json!({"max_tokens": 10, "max_completion_tokens": 20}), None, 20),
            (json!({"max_output_tokens": 64.0}), None, 64),
            (json!({"generationConfig": {"maxOutputTokens": 10, "candidateCount": 2}}), None, 20),
            (json!({}), Some(8_000), 8_000),
            (json!({"generationConfig": {"maxOutputTokens": "65536", "candidateCount": "8"}}), None, 8 * 65_536),
            (json!({"n": 2}), None, 2 * DEFAULT_OUTPUT_TOKENS),
            (json!({"max_tokens": "all"}), None, DEFAULT_OUTPUT_TOKENS),
            (json!({"max_tokens": u64::MAX}), None, PLAUSIBLE_TOKENS),
        ] {
            assert_eq!(WorstCase::of(&body, model).output_tokens, output, "{body}");
        }
    }

    #[test]
    fn the_input_is_never_less_than_its_text() {
        let text = "word ".repeat(300);
        let body = json!({"messages": [{"role": "user", "content": text}]});
        assert!(WorstCase::of(&body, None).input_tokens >= 300);
        let document = json!({"source": {"type": "text", "media_type": "text/plain", "data": text}});
        assert!(WorstCase::of(&document, None).input_tokens >= 300 + MEDIA_TOKENS);
        let named_a_picture = json!({"content": format!("data:image/{text}")});
        assert!(WorstCase::of(&named_a_picture, None).input_tokens >= 300);
        let picture = json!({"inlineData": {"mimeType": "image/png", "data": "A".repeat(1_000_000)}});
        assert!(WorstCase::of(&picture, None).input_tokens < 2 * MEDIA_TOKENS);
        let picture = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]});
        assert!(WorstCase::of(&picture, None).input_tokens >= MEDIA_TOKENS);
    }
}
