//! Follows the frames of an HTTP/2 connection just far enough to know whether a request's head, or any small frame, has
//! begun and not ended: while it lasts nothing else can be read, and the HTTP library would wait for ever.

use crate::frame_faults::{DATA, END_HEADERS, FRAME_HEAD_BYTES, Fault, FrameFaults, FrameHead, PUSH_PROMISE};

#[derive(Default)]
pub struct FrameWatch {
    frame_head: [u8; FRAME_HEAD_BYTES],
    read_bytes: usize,
    /// Of the present frame's payload.
    left_bytes: usize,
    is_data: bool,
    /// Heads and other frames that ended.
    ended: u64,
    /// The client pushes, which it must not.
    pushes: bool,
    faults: FrameFaults,
}

impl FrameWatch {
    /// What came over the connection behind the preface, in order.
    pub fn read(&mut self, mut bytes: &[u8]) {
        // The library asks for more when it is through with all that it has whole.
        if self.left_bytes == 0 && !self.faults.head_goes_on() {
            self.faults.passed();
        }
        while !bytes.is_empty() {
            if self.left_bytes > 0 {
                let (payload, rest) = bytes.split_at(self.left_bytes.min(bytes.len()));
                self.faults.payload(payload);
                self.left_bytes -= payload.len();
                bytes = rest;
                self.payload_passed();
                continue;
            }
            let taken = (FRAME_HEAD_BYTES - self.read_bytes).min(bytes.len());
            self.frame_head[self.read_bytes..self.read_bytes + taken].copy_from_slice(&bytes[..taken]);
            self.read_bytes += taken;
            bytes = &bytes[taken..];
            if self.read_bytes == FRAME_HEAD_BYTES {
                self.frame_begins();
            }
        }
    }

    /// Something is awaited that must not take long: its number. The parts of a body have their own patience.
    pub fn awaited(&self) -> Option<u64> {
        let is_awaited = self.read_bytes > 0 || self.faults.head_goes_on() || (self.left_bytes > 0 && !self.is_data);
        is_awaited.then_some(self.ended)
    }

    /// Why the library ends the connection, if it does so now and does not say.
    pub fn fault(&self) -> Option<Fault> {
        self.faults.first()
    }

    /// The library would wait for the rest of what it then refuses.
    pub fn pushes(&self) -> bool {
        self.pushes
    }

    fn frame_begins(&mut self) {
        let head = FrameHead::parse(self.frame_head);
        self.read_bytes = 0;
        self.left_bytes = head.length;
        self.is_data = head.kind == DATA;
        self.pushes |= head.kind == PUSH_PROMISE && head.flags & END_HEADERS == 0;
        self.faults.frame(&head);
        self.payload_passed();
    }

    fn payload_passed(&mut self) {
        self.ended += u64::from(self.left_bytes == 0 && !self.faults.head_goes_on());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame_faults::{CONTINUATION, HEADERS};

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// After these bytes, at any cut.
    fn within_head(bytes: &[u8]) -> bool {
        let mut verdicts = (1..=bytes.len()).map(|piece| {
            let mut watch = FrameWatch::default();
            bytes.chunks(piece).for_each(|bytes| watch.read(bytes));
            watch.awaited().is_some()
        });
        let first = verdicts.next().expect("some bytes");
        assert!(verdicts.all(|verdict| verdict == first), "it depends on the cut");
        first
    }

    #[test]
    fn a_head_lasts_until_its_last_frame_was_read() {
        let (open, end) = (frame(HEADERS, 0, b"abc"), frame(CONTINUATION, END_HEADERS, b"def"));
        assert!(within_head(&open), "its continuation is to come");
        assert!(within_head(&[&open[..], &end[..10]].concat()));
        assert!(!within_head(&[&open[..], &end].concat()));
        assert!(within_head(&[&open[..], &frame(CONTINUATION, 0, b"x")].concat()));
        assert!(!within_head(&frame(HEADERS, END_HEADERS, b"abc")));
        assert!(within_head(&frame(HEADERS, END_HEADERS, b"abc")[..11]));
    }

    #[test]
    fn a_body_may_take_its_time_and_other_frames_may_not() {
        assert!(!within_head(&frame(DATA, 0, b"a long body")[..12]));
        assert!(within_head(&frame(DATA, 0, b"x")[..5]), "a frame's own head is short");
        assert!(within_head(&frame(6, 0, b"a ping..")[..12]));
        assert!(!within_head(&frame(6, 0, b"a ping..")));
    }

    #[test]
    fn the_time_of_one_head_is_not_counted_for_the_next() {
        let mut watch = FrameWatch::default();
        watch.read(&frame(HEADERS, 0, b"abc"));
        let first = watch.awaited();
        watch.read(&frame(CONTINUATION, 0, b"def"));
        assert_eq!(watch.awaited(), first, "it is the same head");
        watch.read(&[&frame(CONTINUATION, END_HEADERS, b"")[..], &frame(HEADERS, 0, b"")].concat());
        assert!(watch.awaited().is_some() && watch.awaited() != first);
    }
}
