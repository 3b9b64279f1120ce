//! Binary bodies: stored bytes sent in pieces without a copy, and made-up bytes of any size.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

const PIECE_BYTES: usize = 64 * 1024;
/// A multiple of 251, so that every piece begins where the pattern does.
const PATTERN_BYTES: usize = 251 * 64;

static PATTERN: [u8; PATTERN_BYTES] = pattern();

const fn pattern() -> [u8; PATTERN_BYTES] {
    let mut bytes = [0; PATTERN_BYTES];
    let mut position = 0;
    while position < PATTERN_BYTES {
        bytes[position] = (position % 251) as u8;
        position += 1;
    }
    bytes
}

/// `length` bytes in pieces; byte number `i` is `i % 251`.
pub fn made_up(length: u64) -> impl Iterator<Item = Bytes> + Send + 'static {
    let whole = length / PATTERN_BYTES as u64;
    let rest = (length % PATTERN_BYTES as u64) as usize;
    let pieces = (0..whole).map(|_| Bytes::from_static(&PATTERN));
    pieces.chain((rest > 0).then(|| Bytes::from_static(&PATTERN[..rest])))
}

/// A body that hands out `bytes` piece by piece, so that a client that goes away is noticed on the way.
pub fn stored(bytes: Bytes) -> Body {
    if bytes.len() <= PIECE_BYTES {
        return Body::from(bytes);
    }
    Body::new(Stored { rest: bytes })
}

struct Stored {
    rest: Bytes,
}

impl HttpBody for Stored {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_bytes_have_the_length_and_the_pattern() {
        for length in [0, 1, 251, 16_064, 16_065, 100_000] {
            let bytes: Vec<u8> = made_up(length).flatten().collect();
            assert_eq!(bytes.len() as u64, length);
            assert!(bytes.iter().enumerate().all(|(position, byte)| usize::from(*byte) == position % 251));
        }
    }
}
