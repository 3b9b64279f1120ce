//! Requests that no HTTP client would send.

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Answer;

/// Writes the bytes as they are and reads until the edge closes; the request should ask for that.
pub async fn raw_call(address: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("the edge listens");
    stream.write_all(request).await.expect("written");
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    let head_end =
        reply.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no head in {reply:?}"));
    let head = String::from_utf8_lossy(&reply[..head_end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers: HeaderMap = fields
        .map(|(name, value)| {
            (HeaderName::try_from(name).expect("a name"), HeaderValue::try_from(value).expect("a value"))
        })
        .collect();
    Answer { status, headers, body: reply[head_end + 4..].to_vec() }
}
