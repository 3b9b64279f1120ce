//! One client connection: sends prepared bytes, reads the answer to its end. Just enough of HTTP/1.1 to be cheap.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Exchange {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How an answer's body ends.
enum Framing {
    Length(usize),
    Chunked,
}

impl Exchange {
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("{address} does not answer"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(8 << 10) })
    }

    /// The status of the answer, all of which was read.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        let (status, framing, body_at) = self.head().await?;
        let is_whole = |buffer: &[u8]| match framing {
            Framing::Length(length) => buffer.len() >= body_at + length,
            Framing::Chunked => buffer.len() > body_at && buffer.ends_with(b"0\r\n\r\n"),
        };
        while !is_whole(&self.buffer) {
            self.read().await?;
        }
        if status >= 400 {
            self.tell(status)?;
        }
        self.buffer.clear();
        Ok(status)
    }

    /// Sends, and reads the answer's head only; what follows comes by `more`.
    pub async fn open_stream(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        let (status, _, body_at) = self.head().await?;
        self.buffer.drain(..body_at);
        Ok(status)
    }

    /// What came since, whatever it is.
    pub async fn more(&mut self) -> anyhow::Result<&mut Vec<u8>> {
        if self.buffer.is_empty() {
            self.read().await?;
        }
        Ok(&mut self.buffer)
    }

    async fn head(&mut self) -> anyhow::Result<(u16, Framing, usize)> {
        let end = loop {
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let head = &self.buffer[..end];
        let status = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let length = field(head, b"content-length: ").and_then(|text| text.parse().ok());
        Ok((status.context("no status")?, length.map_or(Framing::Chunked, Framing::Length), end))
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the connection was closed within an answer");
        }
        Ok(())
    }

    fn tell(&self, status: u16) -> anyhow::Result<()> {
        bail!("an answer of status {status}: {}", String::from_utf8_lossy(&self.buffer))
    }
}

fn field<'h>(head: &'h [u8], name: &[u8]) -> Option<&'h str> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.find(|line| line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name))?;
    std::str::from_utf8(&line[name.len()..]).ok().map(str::trim)
}
