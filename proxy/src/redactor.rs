//! Blots one exact secret out of a byte stream, also where it is cut in two. Lengths stay as they are.

use bytes::Bytes;
use memchr::memmem;
use zeroize::Zeroizing;

pub struct Redactor {
    secret: Zeroizing<Vec<u8>>,
    /// The end of what came, if it may be the beginning of the secret.
    held: Vec<u8>,
}

impl Redactor {
    pub fn new(secret: &str) -> Self {
        Self { secret: Zeroizing::new(secret.as_bytes().to_vec()), held: Vec::new() }
    }

    /// What may be passed on; nothing is held back unless it could become the secret.
    pub fn push(&mut self, chunk: &Bytes) -> Bytes {
        if self.held.is_empty() && memmem::find(chunk, &self.secret).is_none() {
            let keep = chunk.len() - self.open_end(chunk);
            self.held.extend_from_slice(&chunk[keep..]);
            return chunk.slice(..keep);
        }
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(chunk);
        self.blot(&mut joined);
        let keep = joined.len() - self.open_end(&joined);
        self.held = joined.split_off(keep);
        joined.into()
    }

    /// The stream is over: what was held was not the secret.
    pub fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.held).into()
    }

    fn blot(&self, text: &mut [u8]) {
        let mut from = 0;
        while let Some(at) = memmem::find(&text[from..], &self.secret) {
            let (start, end) = (from + at, from + at + self.secret.len());
            text[start..end].fill(b'*');
            from = end;
        }
    }

    /// The length of the longest end of `text` with which the secret begins.
    fn open_end(&self, text: &[u8]) -> usize {
        let longest = text.len().min(self.secret.len().saturating_sub(1));
        (1..=longest).rev().find(|&length| text.ends_with(&self.secret[..length])).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk-aab-sk-aac";

    fn redacted(text: &str, chunk: usize) -> String {
        let mut redactor = Redactor::new(SECRET);
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(chunk) {
            out.extend_from_slice(&redactor.push(&Bytes::copy_from_slice(piece)));
        }
        out.extend_from_slice(&redactor.finish());
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_secret_never_passes_at_any_chunking_and_all_else_does() {
        let blot = "*".repeat(SECRET.len());
        for text in [
            format!("Incorrect key: {SECRET}. Also {SECRET}{SECRET}!"),
            SECRET.to_owned(),
            format!("sk-aab-sk-aab-sk-aac sk-a {SECRET} sk-aab-sk-aa"),
            "nothing here".to_owned(),
            String::new(),
        ] {
            for chunk in 1..=text.len().max(1) {
                assert_eq!(redacted(&text, chunk), text.replace(SECRET, &blot), "{text} by {chunk}");
            }
        }
    }

    #[test]
    fn ordinary_bytes_are_not_held_back() {
        let mut redactor = Redactor::new(SECRET);
        assert_eq!(redactor.push(&Bytes::from_static(b"data: 1\n\n")), Bytes::from_static(b"data: 1\n\n"));
    }
}
