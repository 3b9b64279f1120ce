//! Tells by a connection's first bytes which HTTP is spoken, as the HTTP library does, and has it read along by whoever
//! knows that one.

use tokio::sync::watch;

use crate::frame_faults::Fault;
use crate::frame_watch::FrameWatch;
use crate::head_watch::{HeadWatch, Heads};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection speaks, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Silent,
    Http1,
    Http2 { streams: usize },
}

impl Wire {
    /// Those that are open.
    pub fn streams(self) -> usize {
        match self {
            Self::Silent | Self::Http1 => 0,
            Self::Http2 { streams } => streams,
        }
    }
}

pub struct WireWatch {
    watch: Watch,
    wire: watch::Sender<Wire>,
    heads: Heads,
}

enum Watch {
    /// So many bytes of the preface came.
    Preface(usize),
    Http1(HeadWatch),
    Http2(FrameWatch),
}

impl WireWatch {
    pub fn new(wire: watch::Sender<Wire>, heads: Heads) -> Self {
        Self { watch: Watch::Preface(0), wire, heads }
    }

    /// What came over the connection, in order.
    pub fn read(&mut self, bytes: &[u8]) {
        match &mut self.watch {
            Watch::Http1(heads) => heads.read(bytes),
            Watch::Http2(frames) => frames.read(bytes),
            Watch::Preface(matched) => {
                let matched = *matched;
                let compared = bytes.len().min(PREFACE.len() - matched);
                if bytes[..compared] != PREFACE[matched..matched + compared] {
                    let mut heads = HeadWatch::new(self.heads.clone());
                    heads.read(&PREFACE[..matched]);
                    heads.read(bytes);
                    self.watch = Watch::Http1(heads);
                    self.wire.send_replace(Wire::Http1);
                } else if matched + compared == PREFACE.len() {
                    let mut frames = FrameWatch::default();
                    frames.read(&bytes[compared..]);
                    self.watch = Watch::Http2(frames);
                    self.wire.send_replace(Wire::Http2 { streams: 0 });
                } else {
                    self.watch = Watch::Preface(matched + compared);
                }
            }
        }
    }

    /// What of the client's must come soon: its number. Of a head of HTTP/1.1 the library sees to that.
    pub fn awaited(&self) -> Option<u64> {
        match &self.watch {
            Watch::Preface(_) => Some(0),
            Watch::Http1(_) => None,
            Watch::Http2(frames) => frames.awaited(),
        }
    }

    /// What is wrong with what was read last, by the code that it has in HTTP/2.
    pub fn fault(&self) -> Option<Fault> {
        self.frames().and_then(FrameWatch::fault)
    }

    /// Nothing of it may go on.
    pub fn is_hopeless(&self) -> bool {
        self.frames().is_some_and(FrameWatch::pushes)
    }

    fn frames(&self) -> Option<&FrameWatch> {
        match &self.watch {
            Watch::Preface(_) | Watch::Http1(_) => None,
            Watch::Http2(frames) => Some(frames),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire_of(bytes: &[u8], piece: usize) -> (Wire, bool) {
        let (sender, receiver) = watch::channel(Wire::Silent);
        let heads = Heads::default();
        let mut watch = WireWatch::new(sender, heads.clone());
        bytes.chunks(piece).for_each(|bytes| watch.read(bytes));
        (*receiver.borrow(), heads.is_refused())
    }

    #[test]
    fn the_preface_is_told_from_any_request_at_any_cut() {
        let smuggled =
            b"PRI * HTTP/2.0\r\n\r\nSX / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n";
        for piece in 1..40 {
            assert_eq!(wire_of(PREFACE, piece), (Wire::Http2 { streams: 0 }, false));
            assert_eq!(wire_of(b"POST / HTTP/1.1\r\n", piece), (Wire::Http1, false));
            assert_eq!(wire_of(&PREFACE[..23], piece), (Wire::Silent, false));
            assert_eq!(wire_of(smuggled, piece), (Wire::Http1, true), "what looked like a preface is read as a head");
        }
    }
}
