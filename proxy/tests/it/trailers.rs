//! Fields behind a body are no way around the header lists.

use crate::harness::{World, raw_call};

#[tokio::test]
async fn the_client_s_trailers_end_at_the_edge() {
    let world = World::start().await;
    let proxy = world.echo(&[("POST", "/x")]).await;
    let token = world.token("alice").await;
    let request = format!(
        "POST /{}/x HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {token}\r\nContent-Type: text/plain\r\nTrailer: openai-project\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nopenai-project: theirs\r\n\r\n",
        proxy.slug
    );
    raw_call(&world.edge.address, request.as_bytes()).await.expect(200);
    let seen = world.seen().await.remove(0);
    assert_eq!(seen["finished"], true, "{seen:#}");
    assert!(!seen.to_string().contains("theirs"), "{seen:#}");
}
