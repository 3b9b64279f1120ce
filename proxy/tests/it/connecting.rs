//! A connection costs something while it stands, so it must be used.

use std::time::Duration;

use crate::harness::{World, eventually, raw_call};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn a_client_that_never_gets_beyond_its_first_bytes_is_let_go() {
    let world = World::with(&[("KEYWARD_HEAD_READ_TIMEOUT_SECS", "1")]).start().await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/1.1\r\n"] {
        let mut stream = TcpStream::connect(&world.edge.address).await.expect("connected");
        stream.write_all(beginning.as_bytes()).await.expect("written");
        let mut reply = Vec::new();
        let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut reply)).await;
        assert!(ended.is_ok(), "still open after {beginning:?}");
    }
}

#[tokio::test]
async fn an_upgrade_to_http_2_is_not_made() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let upgrade = format!(
        "GET /{}/v1/models HTTP/1.1\r\nHost: edge\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQAAP__\r\nAuthorization: Bearer {}\r\n\r\n",
        proxy.slug,
        world.token("alice").await
    );
    raw_call(&world.edge.address, upgrade.as_bytes()).await.expect(200);
}

#[tokio::test]
async fn a_request_that_outlives_the_farewell_is_cut_off_and_metered() {
    let mut world = World::with(&[("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.openai().await;
    // A client that reads nothing: the last event stays in the way.
    let body = json!({"model": "tts-1", "voice": "a", "input": "x", "metadata": {"emulator_bytes": 100 << 20}});
    let response = world.call(&proxy, "alice", http::Method::POST, "/v1/audio/speech").await.json(&body).open().await;
    eventually("the reply is on its way", || async { (world.seen().await.len() == 1).then_some(()) }).await;
    world.edge.process.signal("TERM");
    assert_eq!(world.edge.process.exit_code().await, 0);
    drop(response);
    assert_eq!(world.usage(&proxy, 1).await.len(), 1);
}
