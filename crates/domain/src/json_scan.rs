//! Picks the values of a few top-level members out of a JSON text as it streams by, in constant memory: usage figures
//! stand at the end of replies that may be tens of megabytes.

use memchr::memchr2;

/// A captured value longer than this is dropped.
const VALUE_CAP_BYTES: usize = 64 << 10;
const KEY_CAP_BYTES: usize = 64;
/// Of the figures of a chat completion.
const USUAL_VALUE_BYTES: usize = 512;

/// Also looks into the objects of a top-level array (Gemini's stream without SSE); the last value wins.
pub struct MemberScan {
    wanted: &'static [&'static str],
    depth: u32,
    /// Depth of the members that are looked at: 1, or 2 in a top-level array.
    member_depth: u32,
    in_string: bool,
    escaped: bool,
    place: Place,
    key: Vec<u8>,
    value: Vec<u8>,
    capturing: bool,
    found: Vec<(&'static str, Vec<u8>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Key,
    Value,
}

impl MemberScan {
    pub fn new(wanted: &'static [&'static str]) -> Self {
        Self {
            wanted,
            depth: 0,
            member_depth: 1,
            in_string: false,
            escaped: false,
            place: Place::Key,
            key: Vec::with_capacity(KEY_CAP_BYTES),
            value: Vec::new(),
            capturing: false,
            found: Vec::new(),
        }
    }

    pub fn push(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some((&byte, behind)) = rest.split_first() {
            let (dull, next) = rest.split_at(self.dull(rest));
            if dull.is_empty() {
                self.step(byte);
                rest = behind;
            } else {
                self.pass(dull);
                rest = next;
            }
        }
    }

    /// How many of the next bytes stand for nothing but themselves.
    fn dull(&self, rest: &[u8]) -> usize {
        if self.escaped {
            0
        } else if self.in_string {
            string_length(rest)
        } else if self.depth == self.member_depth {
            0
        } else {
            plain_length(rest)
        }
    }

    fn pass(&mut self, dull: &[u8]) {
        if self.in_string && self.depth == self.member_depth && self.place == Place::Key {
            let room = KEY_CAP_BYTES.saturating_sub(self.key.len()).min(dull.len());
            self.key.extend_from_slice(&dull[..room]);
        }
        if self.capturing {
            let room = (VALUE_CAP_BYTES + 1).saturating_sub(self.value.len()).min(dull.len());
            self.value.extend_from_slice(&dull[..room]);
            self.capturing = self.value.len() <= VALUE_CAP_BYTES;
        }
    }

    /// The members seen so far, as they were written.
    pub fn found(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.found.iter().map(|(key, raw)| (*key, raw.as_slice()))
    }

    fn step(&mut self, byte: u8) {
        let at_member = self.depth == self.member_depth;
        if self.in_string {
            self.step_in_string(byte, at_member);
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if at_member && self.place == Place::Key {
                    self.key.clear();
                }
            }
            b'{' | b'[' => {
                if self.depth == 0 && byte == b'[' {
                    self.member_depth = 2;
                }
                self.depth += 1;
            }
            b'}' | b']' => {
                if at_member {
                    self.end_member();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            b':' if at_member && self.place == Place::Key => {
                self.place = Place::Value;
                self.capturing = self.wanted_key().is_some();
                self.value.clear();
                if self.capturing {
                    self.value.reserve(USUAL_VALUE_BYTES);
                }
                return;
            }
            b',' if at_member => {
                self.end_member();
                return;
            }
            _ => {}
        }
        self.capture(byte);
    }

    fn step_in_string(&mut self, byte: u8, at_member: bool) {
        let ends = byte == b'"' && !self.escaped;
        self.escaped = byte == b'\\' && !self.escaped;
        if at_member && self.place == Place::Key && !ends && self.key.len() < KEY_CAP_BYTES {
            self.key.push(byte);
        }
        self.in_string = !ends;
        self.capture(byte);
    }

    fn capture(&mut self, byte: u8) {
        if self.capturing {
            self.value.push(byte);
            self.capturing = self.value.len() <= VALUE_CAP_BYTES;
        }
    }

    fn wanted_key(&self) -> Option<&'static str> {
        self.wanted.iter().find(|wanted| wanted.as_bytes() == self.key).copied()
    }

    fn end_member(&mut self) {
        if let Some(key) = self.wanted_key().filter(|_| self.capturing) {
            self.found.retain(|(other, _)| *other != key);
            self.found.push((key, std::mem::take(&mut self.value)));
        }
        self.capturing = false;
        self.place = Place::Key;
        self.key.clear();
    }
}

/// How many of the first bytes begin and end neither a string nor an object or array. Whole pieces are looked at at once,
/// which the processor does many bytes at a time.
fn plain_length(text: &[u8]) -> usize {
    const PIECE_BYTES: usize = 32;
    // `[` and `{`, `]` and `}` differ in this bit alone. Without a branch, the compiler takes many bytes at a time.
    let counts = |byte: u8| (byte | 0x20 == b'{') | (byte | 0x20 == b'}') | (byte == b'"');
    let pieces = text.chunks_exact(PIECE_BYTES);
    let plain = pieces.take_while(|piece| piece.iter().map(|&byte| u8::from(counts(byte))).sum::<u8>() == 0).count();
    let passed = plain * PIECE_BYTES;
    passed + text[passed..].iter().position(|&byte| counts(byte)).unwrap_or(text.len() - passed)
}

/// How many bytes of a string's inside come before its end. What a backslash at the very end escapes is still to come.
fn string_length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = memchr2(b'"', b'\\', &text[at..]) {
        at += length;
        if text[at] == b'"' || at + 1 == text.len() {
            return at;
        }
        at += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn scan(text: &str, chunk: usize) -> Vec<(&'static str, Value)> {
        let mut scan = MemberScan::new(&["model", "usage"]);
        text.as_bytes().chunks(chunk).for_each(|piece| scan.push(piece));
        scan.found().filter_map(|(key, raw)| Some((key, serde_json::from_slice(raw).ok()?))).collect()
    }

    #[test]
    fn finds_top_level_members_at_any_chunking() {
        let text = r#"{"id":"x","choices":[{"usage":1,"model":"no","text":"\"usage\":{\\"}],
            "model" : "gpt-4o", "usage": {"prompt_tokens":3,"details":{"usage":[1,2]}} }"#;
        let want = vec![("model", json!("gpt-4o")), ("usage", json!({"prompt_tokens":3,"details":{"usage":[1,2]}}))];
        for chunk in [1, 2, 3, 7, 1_000] {
            assert_eq!(scan(text, chunk), want, "chunks of {chunk}");
        }
    }

    #[test]
    fn in_a_top_level_array_the_last_member_wins() {
        assert_eq!(scan(r#"[{"usage":{"n":1}},{"usage":{"n":2}}]"#, 4), vec![("usage", json!({"n":2}))]);
    }

    #[test]
    fn what_is_not_json_finds_nothing() {
        for text in ["", "plain text", "\"usage\"", "[1,2]", "{\"usage\":", "}}}]]]"] {
            assert_eq!(scan(text, 3), vec![], "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_at_once_is_read_as_if_byte_by_byte(
            text in r#"[\[{]?("(model|usage|[a\\"]{0,70}|[x]{60,80})"?[:,]?[ 1x]{0,40}|[\[\]{}:,"\\]|x{0,80}){0,24}"#,
            chunk in 1_usize..200,
        ) {
            let wanted: &'static [&'static str] = &["model", "usage"];
            let (mut fast, mut slow) = (MemberScan::new(wanted), MemberScan::new(wanted));
            text.as_bytes().chunks(chunk).for_each(|piece| fast.push(piece));
            text.bytes().for_each(|byte| slow.step(byte));
            prop_assert_eq!(fast.found().collect::<Vec<_>>(), slow.found().collect::<Vec<_>>());
            prop_assert_eq!((fast.depth, fast.in_string, &fast.key), (slow.depth, slow.in_string, &slow.key));
        }
    }

    #[test]
    fn a_value_beyond_the_cap_is_dropped_and_one_at_it_is_not() {
        for (length, is_kept) in [(VALUE_CAP_BYTES - 2, true), (VALUE_CAP_BYTES - 1, false)] {
            let text = format!("{{\"model\":\"{}\"}}", "m".repeat(length));
            assert_eq!(scan(&text, 10_000).len(), usize::from(is_kept), "{length}");
        }
    }
}
