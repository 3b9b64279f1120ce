//! Server-sent events (WHATWG HTML, "Server-sent events"), cut out of a byte stream at any chunking.
//! The bytes of all events, put together again, are the bytes that came.

use std::borrow::Cow;

/// An event that has not ended after this many bytes is handed on unread.
pub const EVENT_CAP_BYTES: usize = 4 << 20;
/// Where an event must be read, or the stream ends: a generated image is one event.
pub const READ_EVENT_CAP_BYTES: usize = 16 << 20;

pub struct SseSplitter {
    cap_bytes: usize,
    buffer: Vec<u8>,
    /// Bytes of `buffer` already looked at.
    scanned: usize,
    line_has_bytes: bool,
    after_cr: bool,
    /// The beginning of the present event has already been handed on.
    oversized: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// One event with the blank line that ends it.
    Event(Vec<u8>),
    /// A piece of an event over the cap; it can't be read.
    Oversized(Vec<u8>),
}

impl Cut {
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Event(bytes) | Self::Oversized(bytes) => bytes,
        }
    }
}

impl Default for SseSplitter {
    fn default() -> Self {
        Self::with_cap(EVENT_CAP_BYTES)
    }
}

impl SseSplitter {
    pub fn with_cap(cap_bytes: usize) -> Self {
        Self { cap_bytes, buffer: Vec::new(), scanned: 0, line_has_bytes: false, after_cr: false, oversized: false }
    }

    pub fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    pub fn next_cut(&mut self) -> Option<Cut> {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            self.scanned += 1;
            let second_half = std::mem::replace(&mut self.after_cr, byte == b'\r') && byte == b'\n';
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' if !self.line_has_bytes => return Some(self.cut_event()),
                b'\n' | b'\r' => self.line_has_bytes = false,
                _ => self.line_has_bytes = true,
            }
        }
        if self.buffer.len() <= self.cap_bytes {
            return None;
        }
        self.oversized = true;
        self.scanned = 0;
        Some(Cut::Oversized(std::mem::take(&mut self.buffer)))
    }

    /// What is left when the stream ends within an event.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.scanned = 0;
        std::mem::take(&mut self.buffer)
    }

    fn cut_event(&mut self) -> Cut {
        // Of a CR LF, the LF belongs to the same blank line; when it comes later it is an empty line, which is nothing.
        if self.after_cr && self.buffer.get(self.scanned) == Some(&b'\n') {
            self.scanned += 1;
            self.after_cr = false;
        }
        let rest = self.buffer.split_off(self.scanned);
        let event = std::mem::replace(&mut self.buffer, rest);
        self.scanned = 0;
        if std::mem::take(&mut self.oversized) { Cut::Oversized(event) } else { Cut::Event(event) }
    }
}

/// The joined `data` lines of one event; `None` for comments and the like. As a client reads them: what is not UTF-8 is
/// replaced, and a byte order mark before the first field is no part of it.
pub fn data(event: &[u8]) -> Option<Cow<'_, str>> {
    match String::from_utf8_lossy(event) {
        Cow::Borrowed(text) => joined_data(text),
        Cow::Owned(text) => joined_data(&text).map(|data| Cow::Owned(data.into_owned())),
    }
}

fn joined_data(text: &str) -> Option<Cow<'_, str>> {
    // The second half of a line end that came in two pieces is no line of this event.
    let text = text.strip_prefix('\n').unwrap_or(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut joined: Option<Cow<'_, str>> = None;
    for line in text.split(['\n', '\r']) {
        let Some(value) = line.strip_prefix("data:").or((line == "data").then_some("")) else { continue };
        let value = value.strip_prefix(' ').unwrap_or(value);
        joined = Some(match joined {
            None => Cow::Borrowed(value),
            Some(before) => Cow::Owned(format!("{before}\n{value}")),
        });
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> (Vec<String>, String) {
        let mut splitter = SseSplitter::default();
        let (mut events, mut all) = (Vec::new(), Vec::new());
        for chunk in chunks {
            splitter.push(chunk);
            while let Some(cut) = splitter.next_cut() {
                let bytes = cut.into_bytes();
                events.extend(data(&bytes).map(Cow::into_owned));
                all.extend(bytes);
            }
        }
        all.extend(splitter.take_rest());
        (events, String::from_utf8(all).expect("the input was text"))
    }

    #[test]
    fn any_line_ending_ends_an_event() {
        for (text, want) in [
            ("data: a\n\ndata: b\n\n", vec!["a", "b"]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", vec!["a", "b"]),
            ("data: a\r\rdata: b\r\r", vec!["a", "b"]),
            ("event: x\ndata: a\ndata: b\nid: 1\n\n", vec!["a\nb"]),
            (": comment\n\ndata:no blank\n\ndata\n\n", vec!["no blank", ""]),
            ("data: never ended", vec![]),
        ] {
            let (events, all) = cut(&[text.as_bytes()]);
            assert_eq!((events, all.as_str()), (want.iter().map(|&s| s.to_owned()).collect(), text), "{text:?}");
        }
    }

    #[test]
    fn an_event_is_read_as_its_client_reads_it() {
        for (event, want) in [
            (&b"\xef\xbb\xbfdata: first\n\n"[..], Some("first")),
            (b"data: {\"id\":\"file-\xff\"}\n\n", Some("{\"id\":\"file-\u{fffd}\"}")),
            (b"da\xffta: x\n\n", None),
            (b"\n\xef\xbb\xbfdata: behind half a line end\n\n", Some("behind half a line end")),
        ] {
            assert_eq!(data(event).as_deref(), want, "{}", event.escape_ascii());
        }
    }

    #[test]
    fn a_crlf_split_over_two_chunks_is_one_line_end() {
        let (events, all) = cut(&[b"data: a\r", b"\ndata: b\r\n\r", b"\ndata: c\r\n\r\n"]);
        assert_eq!(events, ["a\nb", "c"]);
        assert_eq!(all, "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n");
    }

    #[test]
    fn an_event_over_the_cap_passes_unread_and_the_next_one_is_read() {
        let mut splitter = SseSplitter::default();
        splitter.push(&vec![b'x'; EVENT_CAP_BYTES + 1]);
        assert!(matches!(splitter.next_cut(), Some(Cut::Oversized(_))));
        splitter.push(b"tail\n\ndata: next\n\n");
        assert!(matches!(splitter.next_cut(), Some(Cut::Oversized(_))));
        assert_eq!(splitter.next_cut(), Some(Cut::Event(b"data: next\n\n".to_vec())));
    }

    #[test]
    fn an_event_that_must_be_read_may_be_larger() {
        let mut splitter = SseSplitter::with_cap(READ_EVENT_CAP_BYTES);
        let event = format!(
            "data: {}

",
            "x".repeat(2 * EVENT_CAP_BYTES)
        );
        splitter.push(event.as_bytes());
        assert_eq!(splitter.next_cut(), Some(Cut::Event(event.into_bytes())));
    }
}
