//! A provider that costs next to nothing: the same 1 KB answer to each call, or a stream of events; and the issuer's keys.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::machine::Epoch;

const ANSWER_BYTES: usize = 1_024;
/// What a call's text must hold to be answered by a stream that soon falls silent.
pub const SILENT: &str = "then-be-silent";
const EVERY: Duration = Duration::from_millis(100);

pub struct Upstream {
    pub address: SocketAddr,
}

struct Answers {
    whole: Bytes,
    key_set: Bytes,
    epoch: Epoch,
}

impl Upstream {
    pub async fn start(epoch: Epoch, key_set: impl FnOnce(SocketAddr) -> String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let answers = Answers { whole: reply(&completion()), key_set: reply(&key_set(address)), epoch };
        let answers = &*Box::leak(Box::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move { drop(converse(stream, answers).await) });
            }
        });
        Ok(Self { address })
    }
}

/// A chat completion that says what it used, filled up to the size.
fn completion() -> String {
    let text = |content: &str| {
        format!(
            r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":21,"completion_tokens":170,"total_tokens":191}}}}"#
        )
    };
    text(&"a".repeat(ANSWER_BYTES - text("").len()))
}

fn reply(body: &str) -> Bytes {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\nopenai-organization: org-bench\r\nopenai-processing-ms: 5\r\nopenai-version: 2020-10-01\r\nx-request-id: req_bench\r\nserver: bench\r\n\r\n",
        body.len()
    );
    format!("{head}{body}").into()
}

async fn converse(mut stream: TcpStream, answers: &Answers) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4 << 10);
    loop {
        let (head_end, length) = loop {
            if let Some(at) = memmem::find(&buffer, b"\r\n\r\n") {
                break (at + 4, content_length(&buffer[..at]));
            }
            read(&mut stream, &mut buffer).await?;
        };
        while buffer.len() < head_end + length {
            read(&mut stream, &mut buffer).await?;
        }
        let (head, body) = buffer.split_at(head_end);
        if memmem::find(body, b"\"stream\":true").is_some() {
            let is_silent = memmem::find(body, SILENT.as_bytes()).is_some();
            return events(stream, &answers.epoch, is_silent).await;
        }
        let answer = if head.starts_with(b"GET ") { &answers.key_set } else { &answers.whole };
        stream.write_all(answer).await?;
        buffer.drain(..head_end + length);
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    if stream.read_buf(buffer).await? == 0 {
        bail!("it hung up");
    }
    Ok(())
}

fn content_length(head: &[u8]) -> usize {
    let name = b"content-length:";
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.find(|line| line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name));
    line.and_then(|line| std::str::from_utf8(&line[name.len()..]).ok()?.trim().parse().ok()).unwrap_or(0)
}

/// An event every 100 ms until the client has had enough; each tells when it should have left.
async fn events(mut stream: TcpStream, epoch: &Epoch, is_silent: bool) -> anyhow::Result<()> {
    // nginx would otherwise collect events before it passes them on.
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n")
        .await?;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rest = [0; 64];
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            got = stream.read(&mut rest) => return if got? == 0 { Ok(()) } else { bail!("it talks within a stream") },
        }
        let event = event(epoch.micros(Instant::now()));
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
        if is_silent {
            return if stream.read(&mut rest).await? == 0 { Ok(()) } else { bail!("it talks within a stream") };
        }
    }
}

fn event(left_at: u64) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"at={left_at};\"}},\"finish_reason\":null}}]}}\n\n"
    )
}
