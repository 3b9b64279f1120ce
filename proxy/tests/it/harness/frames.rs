//! HTTP/2 as no library would write it: frames by hand (RFC 9113, section 4).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Answer;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RESET: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const GOAWAY: u8 = 7;
    pub const CONTINUATION: u8 = 9;
    pub const END_STREAM: u8 = 1;
    pub const END_HEADERS: u8 = 4;

    pub fn new(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Self {
        Self { kind, flags, stream, payload: payload.to_vec() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("short").to_be_bytes();
        [&length[1..], &[self.kind, self.flags], &self.stream.to_be_bytes(), &self.payload].concat()
    }

    /// Why a stream was reset, or a connection left.
    pub fn reason(&self) -> u32 {
        let at = if self.kind == Self::GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

/// A header field, written out (RFC 7541, section 6.2.2).
pub fn field(name: &str, value: &str) -> Vec<u8> {
    [vec![0], text(name), text(value)].concat()
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.len();
    if rest < 127 {
        bytes.push(u8::try_from(rest).expect("short"));
    } else {
        bytes.push(127);
        rest -= 127;
        while rest >= 128 {
            bytes.push(u8::try_from(rest % 128 + 128).expect("a byte"));
            rest /= 128;
        }
        bytes.push(u8::try_from(rest).expect("a byte"));
    }
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// A connection that was opened with no more than the preface and empty settings.
pub struct Frames {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Frames {
    pub async fn open(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("the edge listens");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("written");
        let mut frames = Self { stream, read: Vec::new() };
        frames.send(&Frame::new(Frame::SETTINGS, 0, 0, &[])).await;
        frames
    }

    pub async fn send(&mut self, frame: &Frame) {
        self.write(&frame.bytes()).await;
    }

    /// The edge may have closed by now.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next frame; `None` at the end of the connection.
    pub async fn next(&mut self) -> Option<Frame> {
        let reading = async {
            loop {
                if let Some((head, rest)) = self.read.split_first_chunk::<9>() {
                    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                    if rest.len() >= length {
                        let stream = u32::from_be_bytes(head[5..9].try_into().expect("four")) & 0x7fff_ffff;
                        let frame = Frame::new(head[3], head[4], stream, &rest[..length]);
                        self.read.drain(..9 + length);
                        return Some(frame);
                    }
                }
                if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                    return None;
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("the edge goes on, or closes")
    }

    /// The first frame like this, if it comes before the end of the connection.
    pub async fn find(&mut self, is_it: impl Fn(&Frame) -> bool) -> Option<Frame> {
        while let Some(frame) = self.next().await {
            if is_it(&frame) {
                return Some(frame);
            }
        }
        None
    }

    /// What came on a stream until it ended, whichever way. The status is 0 where there was no head.
    pub async fn answer(&mut self, stream: u32) -> Answer {
        self.answer_and_reset(stream).await.0
    }

    /// The same, and why the stream was reset, if it was.
    pub async fn answer_and_reset(&mut self, stream: u32) -> (Answer, Option<u32>) {
        let (mut status, mut body, mut reset) = (0, Vec::new(), None);
        while let Some(frame) = self.next().await {
            if frame.kind == Frame::GOAWAY && frame.reason() != 0 {
                break;
            }
            if frame.stream != stream {
                continue;
            }
            match frame.kind {
                Frame::HEADERS => status = status_of(&frame.payload),
                Frame::DATA => body.extend_from_slice(&frame.payload),
                Frame::RESET => {
                    reset = Some(frame.reason());
                    break;
                }
                _ => {}
            }
            if matches!(frame.kind, Frame::HEADERS | Frame::DATA) && frame.flags & Frame::END_STREAM != 0 {
                break;
            }
        }
        (Answer { status, headers: http::HeaderMap::new(), body }, reset)
    }
}

/// The edge's library writes it first: by its number, or as a value of that name.
fn status_of(block: &[u8]) -> u16 {
    match block.first() {
        Some(0x88) => 200,
        Some(0x89) => 204,
        Some(0x8c) => 400,
        Some(0x8d) => 404,
        Some(0x8e) => 500,
        _ => 1,
    }
}
