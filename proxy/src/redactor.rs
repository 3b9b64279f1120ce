//! Blots a secret out of a byte stream, however its characters are written: plain, percent-encoded, escaped as in JSON, also
//! in a string of JSON within JSON, and where it is cut in two. Lengths stay as they are.

use bytes::Bytes;
use memchr::arch::all::packedpair::Pair;
use memchr::{memchr_iter, memchr2, memchr3_iter};
use zeroize::Zeroizing;

/// Of escapes within escapes, as deep as anybody writes them.
const MAX_BACKSLASHES: usize = 8;
/// The longest way to write one character.
const MAX_WRITTEN_BYTES: usize = MAX_BACKSLASHES + 5;

pub struct Redactor {
    secret: Zeroizing<Vec<u8>>,
    /// Where the byte of it stands that is the rarest in texts.
    rarest: usize,
    /// The end of what came, if it may be the beginning of the secret.
    held: Vec<u8>,
}

/// What begins at a place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The secret, in so many bytes.
    Whole(usize),
    /// Its beginning, as far as the text goes.
    Beginning,
    Other,
}

impl Redactor {
    pub fn new(secret: &str) -> Self {
        let secret = Zeroizing::new(secret.as_bytes().to_vec());
        let rarest = Pair::new(&secret).map_or(0, |rare| usize::from(rare.index1()));
        Self { secret, rarest, held: Vec::new() }
    }

    pub fn occurs_in(&self, text: &[u8]) -> bool {
        self.find(text).is_some()
    }

    /// What may be passed on; nothing is held back unless it could become the secret.
    pub fn push(&mut self, chunk: &Bytes) -> Bytes {
        if self.held.is_empty() && !self.occurs_in(chunk) {
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
        while let Some((at, length)) = self.find(&text[from..]) {
            let (start, end) = (from + at, from + at + length);
            text[start..end].fill(b'*');
            from = end;
        }
    }

    /// Where it first stands, and its length there.
    fn find(&self, text: &[u8]) -> Option<(usize, usize)> {
        let first = *self.secret.first()?;
        let Some(escape) = memchr2(b'\\', b'%', text) else {
            return self.find_plain(text);
        };
        // Before the first escape there may be as much as the secret is long.
        let near = escape.saturating_sub(self.secret.len());
        if let Some(plain) = self.find_plain(&text[..escape]) {
            return Some(plain);
        }
        memchr3_iter(first, b'\\', b'%', &text[near..]).find_map(|at| match read(&text[near + at..], &self.secret) {
            Found::Whole(length) => Some((near + at, length)),
            Found::Beginning | Found::Other => None,
        })
    }

    /// Written as it is. A general search would be made ready for each text, which takes longer than a short reply.
    fn find_plain(&self, text: &[u8]) -> Option<(usize, usize)> {
        let rare = *self.secret.get(self.rarest)?;
        let starts = memchr_iter(rare, text.get(self.rarest..)?);
        let at = starts.into_iter().find(|at| text[*at..].starts_with(&self.secret))?;
        Some((at, self.secret.len()))
    }

    /// The length of the longest end of `text` with which the secret may begin.
    fn open_end(&self, text: &[u8]) -> usize {
        let Some(&first) = self.secret.first() else { return 0 };
        let written = &text[text.len().saturating_sub(self.secret.len() * MAX_WRITTEN_BYTES)..];
        // Written plainly, it takes no more bytes than it has.
        let plain = written.len().saturating_sub(self.secret.len());
        let from =
            memchr2(b'\\', b'%', written).map_or(plain, |escape| plain.min(escape.saturating_sub(self.secret.len())));
        let tail = &written[from..];
        let open =
            memchr3_iter(first, b'\\', b'%', tail).find(|at| read(&tail[*at..], &self.secret) == Found::Beginning);
        open.map_or(0, |at| tail.len() - at)
    }
}

/// Whether `secret`, in any spelling of its characters, stands at the beginning of `text`.
fn read(text: &[u8], secret: &[u8]) -> Found {
    let Some((wanted, rest)) = secret.split_first() else { return Found::Whole(0) };
    let Some(&byte) = text.first() else { return Found::Beginning };
    let mut found = Found::Other;
    for written in [(byte == *wanted).then_some(Found::Whole(1)), Some(escaped(text, *wanted))].into_iter().flatten() {
        found = match (written, found) {
            (_, Found::Whole(_)) => return found,
            (Found::Whole(length), _) => match read(&text[length..], rest) {
                Found::Whole(more) => return Found::Whole(length + more),
                Found::Beginning => Found::Beginning,
                Found::Other => found,
            },
            (Found::Beginning, _) => Found::Beginning,
            (Found::Other, _) => found,
        };
    }
    found
}

/// One character behind an escape: `%73`, `\u0073`, `\/`, `\\u0073`.
fn escaped(text: &[u8], wanted: u8) -> Found {
    let hex = |digits: &[u8], before: usize, count: usize| {
        if !digits.iter().take(count).all(u8::is_ascii_hexdigit) {
            return Found::Other;
        }
        let Some(digits) = digits.get(..count) else { return Found::Beginning };
        let code = digits.iter().fold(0, |code, digit| code * 16 + char::from(*digit).to_digit(16).unwrap_or(0));
        if code == u32::from(wanted) { Found::Whole(before + count) } else { Found::Other }
    };
    if text[0] == b'%' {
        return hex(&text[1..], 1, 2);
    }
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    if slashes == 0 || slashes > MAX_BACKSLASHES {
        return Found::Other;
    }
    match text.get(slashes) {
        None => Found::Beginning,
        Some(b'u') => hex(&text[slashes + 1..], slashes + 1, 4),
        Some(&byte) if byte == wanted => Found::Whole(slashes + 1),
        Some(_) => Found::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk-aab-sk-aac";

    fn redacted_of(secret: &str, text: &str, chunk: usize) -> String {
        let mut redactor = Redactor::new(secret);
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
            format!("\\n {SECRET} 100% {SECRET}\\"),
            "nothing here, \\u0073k-aab and %73 \\".to_owned(),
            String::new(),
        ] {
            for chunk in 1..=text.len().max(1) {
                assert_eq!(redacted_of(SECRET, &text, chunk), text.replace(SECRET, &blot), "{text} by {chunk}");
            }
        }
    }

    #[test]
    fn the_secret_as_it_stands_in_an_address_or_in_json_never_passes_either() {
        let secret = "key/with+signs==";
        for form in [
            "key/with+signs==",
            "key%2Fwith%2Bsigns%3D%3D",
            "key%2fwith%2bsigns%3d%3d",
            "key\\/with+signs==",
            "\\u006bey/with+signs=\\u003D",
            "\\u006B\\u0065\\u0079\\u002F\\u0077\\u0069\\u0074\\u0068\\u002B\\u0073\\u0069\\u0067\\u006E\\u0073\\u003D\\u003D",
            "ke\\\\u0079\\\\\\/with%2Bsigns==",
        ] {
            let text = format!("{{\"at\": \"https://api.example/?key={form}&a=%2F \\\"{form}\\n\"}}");
            for chunk in 1..=text.len() {
                let want = text.replace(form, &"*".repeat(form.len()));
                assert_eq!(redacted_of(secret, &text, chunk), want, "{form} by {chunk}");
            }
            assert!(Redactor::new(secret).occurs_in(text.as_bytes()), "{form}");
        }
    }

    #[test]
    fn a_secret_that_looks_escaped_itself_is_found_in_both_readings() {
        for secret in ["a%2Fb-and-more", "un\\known", "u0075u"] {
            for form in [secret.to_owned(), secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect()] {
                let text = format!("x{form}x");
                for chunk in 1..=text.len() {
                    let want = format!("x{}x", "*".repeat(form.len()));
                    assert_eq!(redacted_of(secret, &text, chunk), want, "{form} by {chunk}");
                }
            }
        }
    }

    #[test]
    fn ordinary_bytes_are_not_held_back() {
        for text in ["data: 1\n\n", "{\"content\": \"a \\\"quoted\\\" line\\n\"}"] {
            let text = Bytes::from_static(text.as_bytes());
            assert_eq!(Redactor::new(SECRET).push(&text), text);
        }
    }
}
