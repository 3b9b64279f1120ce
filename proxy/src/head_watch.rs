//! Reads the heads of requests along with the HTTP library, which lets a Content-Length beside a Transfer-Encoding pass
//! without a word (RFC 9112, section 6.1: it may be an attempt at smuggling). Knows just enough of HTTP/1.1 to find the
//! next head: behind a body of known length. A chunked request is its connection's last, and so is one for a WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Longer lines are of no field that is looked at.
const KEPT_LINE_BYTES: usize = 128;

/// What is known of a connection's requests so far. Once refused, always refused.
#[derive(Clone, Default)]
pub struct Heads(Arc<Known>);

#[derive(Default)]
struct Known {
    is_refused: AtomicBool,
    is_last: AtomicBool,
}

impl Heads {
    /// Two readers could find different requests in what came.
    pub fn is_refused(&self) -> bool {
        self.0.is_refused.load(Ordering::Acquire)
    }

    /// Nothing more is to be read behind the present request.
    pub fn is_last(&self) -> bool {
        self.is_refused() || self.0.is_last.load(Ordering::Acquire)
    }
}

pub struct HeadWatch {
    heads: Heads,
    state: State,
    line: Line,
    head: Head,
}

enum State {
    /// Empty lines may come before a request.
    Before,
    Head,
    Body {
        left_bytes: u64,
    },
    /// The rest is not looked at.
    Over,
}

/// The beginning of the line that is being read.
#[derive(Default)]
struct Line {
    kept: Vec<u8>,
    length: usize,
    last: u8,
}

#[derive(Default)]
struct Head {
    is_chunked: bool,
    is_upgrade: bool,
    length: Option<u64>,
    is_broken: bool,
}

impl HeadWatch {
    pub fn new(heads: Heads) -> Self {
        Self { heads, state: State::Before, line: Line::default(), head: Head::default() }
    }

    /// What came over the connection, in order.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Over => return,
                State::Body { left_bytes } => {
                    let skipped = usize::try_from(*left_bytes).unwrap_or(usize::MAX).min(bytes.len());
                    *left_bytes -= skipped as u64;
                    bytes = &bytes[skipped..];
                    if *left_bytes == 0 {
                        self.state = State::Before;
                    }
                }
                State::Before | State::Head => {
                    let end = memchr::memchr(b'\n', bytes);
                    self.line.extend(&bytes[..end.unwrap_or(bytes.len())]);
                    let Some(end) = end else { return };
                    bytes = &bytes[end + 1..];
                    self.line_ended();
                    self.line.clear();
                }
            }
        }
    }

    fn line_ended(&mut self) {
        let line = &self.line;
        // A bare line feed: some take it for the end of a line, others for a part of it.
        if line.last != b'\r' {
            self.head.is_broken = true;
        }
        let is_empty = line.length == usize::from(line.last == b'\r');
        match self.state {
            State::Before if is_empty => {}
            State::Before => self.state = State::Head,
            State::Head if is_empty => self.head_ended(),
            State::Head => self.head.field(line),
            State::Body { .. } | State::Over => {}
        }
    }

    fn head_ended(&mut self) {
        let head = std::mem::take(&mut self.head);
        if head.is_broken || (head.is_chunked && head.length.is_some()) {
            self.heads.0.is_refused.store(true, Ordering::Release);
            self.state = State::Over;
        } else if head.is_chunked || head.is_upgrade {
            self.heads.0.is_last.store(true, Ordering::Release);
            self.state = State::Over;
        } else {
            let left_bytes = head.length.unwrap_or(0);
            self.state = if left_bytes == 0 { State::Before } else { State::Body { left_bytes } };
        }
    }
}

impl Line {
    fn clear(&mut self) {
        self.kept.clear();
        (self.length, self.last) = (0, 0);
    }

    fn extend(&mut self, bytes: &[u8]) {
        let free = KEPT_LINE_BYTES.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..free]);
        self.length += bytes.len();
        self.last = bytes.last().copied().unwrap_or(self.last);
    }
}

impl Head {
    fn field(&mut self, line: &Line) {
        let Some(colon) = memchr::memchr(b':', &line.kept) else { return };
        let (name, value) = (&line.kept[..colon], line.kept[colon + 1..].trim_ascii());
        let is = |known: &str| name.trim_ascii().eq_ignore_ascii_case(known.as_bytes());
        let (is_coding, is_length) = (is("transfer-encoding"), is("content-length"));
        // Blanks about the name, or a value that is longer than any that is meant.
        if (is_coding || is_length) && (name != name.trim_ascii() || line.length > KEPT_LINE_BYTES) {
            self.is_broken = true;
        }
        // What follows is of another protocol, or of nobody's if that is refused.
        self.is_upgrade |= is("upgrade") && memchr::memmem::find(&value.to_ascii_lowercase(), b"websocket").is_some();
        if is_coding {
            // Other codings would have to be undone; twice is one too many for somebody on the way.
            self.is_broken |= self.is_chunked || !value.eq_ignore_ascii_case(b"chunked");
            self.is_chunked = true;
        }
        if is_length {
            let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            self.is_broken |= length.is_none() || self.length.is_some_and(|other| Some(other) != length);
            self.length = length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known after these bytes, at any cut: refused, last.
    fn known(text: &str) -> (bool, bool) {
        let mut verdicts = (1..=text.len()).map(|piece| {
            let heads = Heads::default();
            let mut watch = HeadWatch::new(heads.clone());
            text.as_bytes().chunks(piece).for_each(|bytes| watch.read(bytes));
            (heads.is_refused(), heads.is_last())
        });
        let first = verdicts.next().expect("some bytes");
        assert!(verdicts.all(|verdict| verdict == first), "it depends on the cut: {text:?}");
        first
    }

    #[test]
    fn one_way_to_frame_a_body_passes_and_two_are_refused() {
        const FINE: (bool, bool) = (false, false);
        const LAST: (bool, bool) = (false, true);
        const REFUSED: (bool, bool) = (true, true);
        for (fields, verdict) in [
            ("Host: x\r\n", FINE),
            ("Content-Length: 3\r\n", FINE),
            ("Content-Length: 3\r\nContent-Length: 3\r\n", FINE),
            ("Transfer-Encoding: chunked\r\n", LAST),
            ("transfer-encoding:Chunked\r\n", LAST),
            ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", REFUSED),
            ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", REFUSED),
            ("CONTENT-LENGTH: 0\r\ntransfer-ENCODING: chunked\r\n", REFUSED),
            ("Content-Length: 3\r\nContent-Length: 4\r\n", REFUSED),
            ("Content-Length: 3, 3\r\n", REFUSED),
            ("Content-Length: -3\r\n", REFUSED),
            ("Upgrade: websocket\r\n", LAST),
            ("upgrade: h2c, WebSocket\r\n", LAST),
            ("Upgrade: h2c\r\n", FINE),
            ("Content-Length : 3\r\n", REFUSED),
            ("Transfer-Encoding: gzip, chunked\r\n", REFUSED),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", REFUSED),
            ("X: a\nContent-Length: 3\r\n", REFUSED),
        ] {
            assert_eq!(known(&format!("POST / HTTP/1.1\r\n{fields}\r\n")), verdict, "{fields:?}");
        }
    }

    #[test]
    fn the_head_behind_a_body_is_found_and_the_body_is_no_head() {
        let smuggled = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n";
        let framed = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{smuggled}", smuggled.len());
        assert_eq!(known(&framed), (false, false), "it is all body");
        assert_eq!(known(&format!("{framed}\r\n{smuggled}")), (true, true));
        assert_eq!(known(&format!("GET / HTTP/1.1\r\n\r\n{smuggled}")), (true, true));
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(known(&format!("{chunked}{smuggled}")), (false, true), "nothing is read behind it");
    }
}
