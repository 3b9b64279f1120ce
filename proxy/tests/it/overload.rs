//! Bodies that are held take from one budget, however many clients send them.

use crate::harness::{World, eventually};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn bodies_over_the_budget_of_all_are_shed_and_the_budget_comes_back() {
    let world = World::with(&[("KEYWARD_BUFFERED_BYTES_MAX", "262144"), ("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.openai().await;
    let token = world.token("alice").await;
    let head = format!(
        "POST /{}/v1/embeddings HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: 300000\r\nConnection: close\r\n\r\n{{\"input\":\"",
        proxy.slug
    );
    let body = json!({"model": "m", "input": "x".repeat(100_000)});
    // One that keeps most of it, because it never ends; begun anew if it came second and was itself shed.
    let (mut slow, shed) = eventually("another one is shed", || async {
        let mut slow = TcpStream::connect(&world.edge.address).await.expect("connected");
        slow.write_all(head.as_bytes()).await.expect("written");
        let _ = slow.write_all(&vec![b'x'; 200_000]).await;
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
        let answer = world.post(&proxy, "alice", "/v1/embeddings", &body).await;
        (answer.status == 503).then_some((slow, answer))
    })
    .await;
    assert_eq!((shed.code().as_str(), shed.header("retry-after")), ("overloaded", Some("1")));
    // What needs no memory still passes.
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    slow.shutdown().await.expect("shut");
    let _ = slow.read_to_end(&mut Vec::new()).await;
    drop(slow);
    eventually("the budget is back", || async {
        (world.post(&proxy, "alice", "/v1/embeddings", &body).await.status == 200).then_some(())
    })
    .await;
}
