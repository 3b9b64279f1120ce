//! Where a request ends is read in one way only, by everybody on the way, or the connection is closed.

use crate::harness::{Seeded, World, raw_call};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BODY: &str = r#"{"model":"m","input":"x"}"#;

async fn request(world: &World, proxy: &Seeded, fields: &str, body: &str) -> String {
    let token = world.token("alice").await;
    format!(
        "POST /{}/v1/embeddings HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{fields}\r\n{body}",
        proxy.slug
    )
}

fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// All that comes until the edge closes the connection.
async fn replies(world: &World, bytes: &str) -> String {
    let mut stream = TcpStream::connect(&world.edge.address).await.expect("the edge listens");
    stream.write_all(bytes.as_bytes()).await.expect("written");
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn a_length_beside_a_transfer_encoding_is_refused_in_either_order_and_the_connection_closed() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for fields in [
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "content-length: 5\r\nX: y\r\nTRANSFER-ENCODING: Chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\nX: y\r\n",
    ] {
        let sent = request(&world, &proxy, fields, &chunked(BODY)).await;
        // It is read to its end: it returns because the edge closes.
        let answer = raw_call(&world.edge.address, sent.as_bytes()).await.expect(400);
        assert_eq!((answer.code().as_str(), answer.header("connection")), ("bad_framing", Some("close")), "{fields:?}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn two_different_lengths_are_refused_and_the_connection_closed() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for fields in
        ["Content-Length: 25\r\nContent-Length: 5\r\n", "Content-Length: 25, 5\r\n", "Content-Length: +25\r\n"]
    {
        let sent = request(&world, &proxy, fields, BODY).await;
        let reply = replies(&world, &sent).await;
        assert!(reply.starts_with("HTTP/1.1 400"), "{fields:?}: {reply}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_later_request_of_a_connection_is_looked_at_as_the_first() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let length = format!("Content-Length: {}\r\n", BODY.len());
    let good = request(&world, &proxy, &length, BODY).await;
    let bad = request(&world, &proxy, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &chunked(BODY)).await;
    let mut stream = TcpStream::connect(&world.edge.address).await.expect("the edge listens");
    stream.write_all(good.as_bytes()).await.expect("written");
    let mut reply = Vec::new();
    while !String::from_utf8_lossy(&reply).contains("\"usage\"") {
        assert!(stream.read_buf(&mut reply).await.expect("the first answer") > 0);
    }
    assert!(reply.starts_with(b"HTTP/1.1 200"));
    world.forget_seen().await;
    stream.write_all(bad.as_bytes()).await.expect("written");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(String::from_utf8_lossy(&rest).contains("bad_framing"), "{}", String::from_utf8_lossy(&rest));
    world.assert_unseen().await;
}

#[tokio::test]
async fn nothing_is_read_behind_a_chunked_request() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let first = request(&world, &proxy, "Transfer-Encoding: chunked\r\n", &chunked(BODY)).await;
    let reply = replies(&world, &format!("{first}{first}")).await;
    assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{reply}");
    assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("connection: close"), "{reply}");
    assert_eq!(world.seen().await.len(), 1);
}
