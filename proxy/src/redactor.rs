//! Blots a secret out of a byte stream, plain or percent-encoded, also where it is cut in two. Lengths stay as they are.

use bytes::Bytes;
use memchr::memmem;
use url::form_urlencoded;
use zeroize::Zeroizing;

pub struct Redactor {
    /// The secret in every form in which it may be repeated.
    forms: Vec<Zeroizing<Vec<u8>>>,
    /// The end of what came, if it may be the beginning of a form.
    held: Vec<u8>,
}

impl Redactor {
    pub fn new(secret: &str) -> Self {
        let encoded = Zeroizing::new(form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>());
        let mut forms = vec![Zeroizing::new(secret.as_bytes().to_vec())];
        // As it stands in an address, by either custom of writing the digits.
        for form in [Zeroizing::new(encoded.as_bytes().to_vec()), Zeroizing::new(lower_escapes(encoded.as_bytes()))] {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        Self { forms, held: Vec::new() }
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

    /// Where the first of the forms begins, and its length.
    fn find(&self, text: &[u8]) -> Option<(usize, usize)> {
        let found = self.forms.iter().filter_map(|form| Some((memmem::find(text, form)?, form.len())));
        found.min_by_key(|(at, _)| *at)
    }

    /// The length of the longest end of `text` with which one of the forms begins.
    fn open_end(&self, text: &[u8]) -> usize {
        let open = |form: &Zeroizing<Vec<u8>>| {
            let longest = text.len().min(form.len().saturating_sub(1));
            (1..=longest).rev().find(|&length| text.ends_with(&form[..length])).unwrap_or(0)
        };
        self.forms.iter().map(open).max().unwrap_or(0)
    }
}

/// `%2F` to `%2f`; letters that are not behind a `%` stay.
fn lower_escapes(encoded: &[u8]) -> Vec<u8> {
    let mut lower = encoded.to_vec();
    for at in 0..lower.len() {
        let digits = lower[at..].len().min(3);
        if lower[at] == b'%' {
            lower[at..at + digits].make_ascii_lowercase();
        }
    }
    lower
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
    fn the_secret_as_it_stands_in_an_address_never_passes_either() {
        let secret = "key/with+signs==";
        for form in ["key/with+signs==", "key%2Fwith%2Bsigns%3D%3D", "key%2fwith%2bsigns%3d%3d"] {
            let text = format!("https://api.example/?key={form}&a=%2F {form}");
            for chunk in 1..=text.len() {
                let mut redactor = Redactor::new(secret);
                let mut out = Vec::new();
                for piece in text.as_bytes().chunks(chunk) {
                    out.extend_from_slice(&redactor.push(&Bytes::copy_from_slice(piece)));
                }
                out.extend_from_slice(&redactor.finish());
                let want = text.replace(form, &"*".repeat(form.len()));
                assert_eq!(String::from_utf8(out).expect("text"), want, "by {chunk}");
            }
            assert!(Redactor::new(secret).occurs_in(text.as_bytes()));
        }
    }

    #[test]
    fn ordinary_bytes_are_not_held_back() {
        let mut redactor = Redactor::new(SECRET);
        assert_eq!(redactor.push(&Bytes::from_static(b"data: 1\n\n")), Bytes::from_static(b"data: 1\n\n"));
    }
}
