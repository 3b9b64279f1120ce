//! What is wrong with a client's frames, by the codes of RFC 9113: the HTTP library ends the connection over any of it, and
//! most often under the general code. Knows the heads of frames, settings, and which streams ended; never what is asked.

use crate::client_streams::{ClientStreams, Standing};

pub const FRAME_HEAD_BYTES: usize = 9;
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Of a head or a body's part; of settings the same bit says that they are acknowledged.
const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;

const SETTING_BYTES: usize = 6;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// Why a connection ends (RFC 9113, section 7). Fields that can't be decompressed have a code too; only the library knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    Protocol = 0x1,
    FlowControl = 0x3,
    StreamClosed = 0x5,
    FrameSize = 0x6,
}

/// RFC 9113, section 4.1.
pub struct FrameHead {
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl FrameHead {
    pub fn parse([a, b, c, kind, flags, d, e, f, g]: [u8; FRAME_HEAD_BYTES]) -> Self {
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        Self { length, kind, flags, stream: u32::from_be_bytes([d, e, f, g]) & MAX_WINDOW_BYTES }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn has_wrong_size(&self) -> bool {
        match self.kind {
            PRIORITY => self.length != 5,
            RST_STREAM | WINDOW_UPDATE => self.length != 4,
            SETTINGS => !self.length.is_multiple_of(SETTING_BYTES) || (self.has(ACK) && self.length > 0),
            PING => self.length != 8,
            GOAWAY => self.length < 8,
            _ => false,
        }
    }
}

#[derive(Default)]
pub struct FrameFaults {
    streams: ClientStreams,
    /// The first one in what was read together.
    fault: Option<Fault>,
    is_open: bool,
    /// The setting that is being read.
    setting: [u8; SETTING_BYTES],
    read_bytes: usize,
    are_settings: bool,
}

impl FrameFaults {
    /// What the library objects to, if it does.
    pub fn first(&self) -> Option<Fault> {
        self.fault
    }

    /// The library has looked at all that was read, and goes on.
    pub fn passed(&mut self) {
        self.fault = None;
    }

    /// A head continues in the next frame.
    pub fn head_goes_on(&self) -> bool {
        self.is_open
    }

    pub fn frame(&mut self, head: &FrameHead) {
        let standing = match head.kind {
            HEADERS => self.streams.head(head.stream, head.has(END_STREAM)),
            DATA => self.streams.part(head.stream, head.has(END_STREAM)),
            RST_STREAM => {
                self.streams.taken_back(head.stream);
                Standing::Unknown
            }
            _ => Standing::Unknown,
        };
        let fault = match standing {
            _ if self.is_open && head.kind != CONTINUATION => Some(Fault::Protocol),
            _ if head.has_wrong_size() => Some(Fault::FrameSize),
            Standing::Ended => Some(Fault::StreamClosed),
            Standing::Open | Standing::Unknown => None,
        };
        self.fault = self.fault.or(fault);
        if matches!(head.kind, HEADERS | CONTINUATION) {
            self.is_open = !head.has(END_HEADERS);
        }
        self.are_settings = head.kind == SETTINGS && fault.is_none();
    }

    /// Of the present frame.
    pub fn payload(&mut self, bytes: &[u8]) {
        if !self.are_settings {
            return;
        }
        for byte in bytes {
            self.setting[self.read_bytes] = *byte;
            self.read_bytes = (self.read_bytes + 1) % SETTING_BYTES;
            let [a, b, value @ ..] = self.setting;
            let is_window = self.read_bytes == 0 && u16::from_be_bytes([a, b]) == INITIAL_WINDOW_SIZE;
            if is_window && u32::from_be_bytes(value) > MAX_WINDOW_BYTES {
                self.fault = self.fault.or(Some(Fault::FlowControl));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(kind: u8, flags: u8, stream: u32, length: usize) -> FrameHead {
        FrameHead { length, kind, flags, stream }
    }

    /// After these, read together.
    fn first(heads: &[FrameHead]) -> Option<Fault> {
        let mut faults = FrameFaults::default();
        heads.iter().for_each(|head| faults.frame(head));
        faults.first()
    }

    #[test]
    fn a_frame_of_a_wrong_size_is_one_and_of_the_right_size_is_none() {
        for (kind, flags, right, wrong) in [
            (PRIORITY, 0, 5, 4),
            (RST_STREAM, 0, 4, 3),
            (SETTINGS, 0, 12, 13),
            (SETTINGS, ACK, 0, 6),
            (PING, 0, 8, 6),
            (GOAWAY, 0, 20, 7),
            (WINDOW_UPDATE, 0, 4, 5),
        ] {
            assert_eq!(first(&[head(kind, flags, 0, right)]), None, "{kind}");
            assert_eq!(first(&[head(kind, flags, 0, wrong)]), Some(Fault::FrameSize), "{kind}");
        }
        assert_eq!(first(&[head(DATA, 0, 1, 77), head(0xee, 0, 1, 3)]), None);
    }

    #[test]
    fn the_first_of_several_counts_until_the_library_asks_for_more() {
        let mut faults = FrameFaults::default();
        let request = || head(HEADERS, END_HEADERS | END_STREAM, 1, 9);
        faults.frame(&request());
        faults.frame(&request());
        faults.frame(&head(PING, 0, 0, 1));
        assert_eq!(faults.first(), Some(Fault::StreamClosed));
        faults.passed();
        assert_eq!(faults.first(), None);
    }

    #[test]
    fn what_comes_between_fields_is_the_fault_whatever_is_wrong_with_it_too() {
        let open = || head(HEADERS, END_STREAM, 1, 9);
        assert_eq!(first(&[open(), head(DATA, END_STREAM, 1, 4)]), Some(Fault::Protocol));
        assert_eq!(first(&[open(), head(PING, 0, 0, 1)]), Some(Fault::Protocol));
        let ended = [open(), head(CONTINUATION, END_HEADERS, 1, 9), head(DATA, 0, 1, 4)];
        assert_eq!(first(&ended), Some(Fault::StreamClosed));
    }

    #[test]
    fn a_window_that_no_stream_can_have_is_seen_at_any_cut() {
        let settings = |value: u32| [&[0, 3, 0, 0, 0, 7, 0, 4][..], &value.to_be_bytes()].concat();
        for piece in 1..=12 {
            for (value, fault) in [(1 << 31, Some(Fault::FlowControl)), (MAX_WINDOW_BYTES, None)] {
                let mut faults = FrameFaults::default();
                faults.frame(&head(SETTINGS, 0, 0, 12));
                settings(value).chunks(piece).for_each(|bytes| faults.payload(bytes));
                assert_eq!(faults.first(), fault, "{piece}");
            }
        }
    }
}
