//! What a fake model says, and how its tokens are counted: one word is one token.

use std::{fmt::Write, time::Duration};

use serde_json::Value;

const MAX_CHUNKS: u64 = 1_000_000;
const MAX_DELAY_MS: u64 = 600_000;

/// Words between white space.
pub fn count_words(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// What a request asks of the stream, in `metadata`: `emulator_chunks`, `emulator_delay_ms`.
#[derive(Debug, Default, Clone, Copy)]
pub struct Pace {
    pub chunks: Option<u64>,
    pub delay: Option<Duration>,
}

impl Pace {
    pub fn read(metadata: Option<&Value>) -> Self {
        let delay_ms = number(metadata, "emulator_delay_ms").map(|delay| delay.min(MAX_DELAY_MS));
        Self {
            chunks: number(metadata, "emulator_chunks").map(|chunks| chunks.min(MAX_CHUNKS)),
            delay: delay_ms.filter(|delay| *delay > 0).map(Duration::from_millis),
        }
    }
}

/// A whole number under `name`, written as a number or (metadata of OpenAI) as a string.
pub fn number(metadata: Option<&Value>, name: &str) -> Option<u64> {
    let value = metadata?.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[derive(Debug, Clone)]
pub struct Reply {
    /// Words with one space between two.
    pub text: String,
    pub tokens: u64,
    /// Whether the limit of tokens ended it.
    pub cut: bool,
}

impl Reply {
    /// "You said: …", or `w1 w2 … wN` when the request asks for N chunks.
    pub fn new(last_words: &str, pace: Pace, max_tokens: Option<u64>) -> Self {
        let limit = max_tokens.unwrap_or(u64::MAX);
        let mut reply = Self { text: String::new(), tokens: 0, cut: false };
        match pace.chunks {
            Some(chunks) => {
                reply.cut = chunks > limit;
                reply.tokens = chunks.min(limit);
                for number in 1..=reply.tokens {
                    let separator = if number == 1 { "" } else { " " };
                    // Writing to a string cannot fail.
                    let _ = write!(reply.text, "{separator}w{number}");
                }
            }
            None => reply.say(["You", "said:"].into_iter().chain(last_words.split_whitespace()), limit),
        }
        reply
    }

    fn say<'a>(&mut self, words: impl Iterator<Item = &'a str>, limit: u64) {
        for word in words {
            if self.tokens == limit {
                self.cut = true;
                return;
            }
            if self.tokens > 0 {
                self.text.push(' ');
            }
            self.text.push_str(word);
            self.tokens += 1;
        }
    }

    pub fn into_pieces(self) -> Pieces {
        Pieces { text: self.text, position: 0 }
    }
}

/// The words of a reply, one after the other, each with the space before it.
#[derive(Debug, Clone)]
pub struct Pieces {
    text: String,
    position: usize,
}

impl Pieces {
    pub fn next_piece(&mut self) -> Option<&str> {
        let rest = &self.text[self.position..];
        if rest.is_empty() {
            return None;
        }
        // The space before the word belongs to it.
        let end = rest[1..].find(' ').map_or(rest.len(), |end| end + 1);
        self.position += end;
        Some(&rest[..end])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pieces(reply: Reply) -> Vec<String> {
        let mut pieces = reply.into_pieces();
        std::iter::from_fn(|| pieces.next_piece().map(str::to_owned)).collect()
    }

    #[test]
    fn repeats_what_was_said_word_by_word() {
        let reply = Reply::new(" hello  big\nworld ", Pace::default(), None);
        assert_eq!((reply.tokens, reply.cut), (5, false));
        assert_eq!(pieces(reply), ["You", " said:", " hello", " big", " world"]);
    }

    #[test]
    fn stops_at_the_limit_of_tokens() {
        let reply = Reply::new("hello big world", Pace::default(), Some(3));
        assert_eq!((reply.text.as_str(), reply.tokens, reply.cut), ("You said: hello", 3, true));
        assert!(!Reply::new("hello", Pace::default(), Some(3)).cut);
    }

    #[test]
    fn counts_chunks_when_asked_to() {
        let pace = Pace::read(Some(&json!({"emulator_chunks": "4", "emulator_delay_ms": 10})));
        assert_eq!(pace.delay, Some(Duration::from_millis(10)));
        assert_eq!(pieces(Reply::new("", pace, None)), ["w1", " w2", " w3", " w4"]);
        assert_eq!(Reply::new("", pace, Some(2)).text, "w1 w2");
    }

    #[test]
    fn splits_text_that_is_not_ascii() {
        assert_eq!(pieces(Reply::new("åß ∂ç", Pace::default(), None)).concat(), "You said: åß ∂ç");
    }
}
