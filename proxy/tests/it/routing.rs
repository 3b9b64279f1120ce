//! The address: slug, host, path. Nothing is repaired; what could be read in two ways is refused.

use crate::harness::{Seed, World, raw_call};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn an_unknown_slug_is_404() {
    let world = World::start().await;
    let answer = world.send(world.client.get(format!("http://{}/aaaaaaaaaaaa/v1/models", world.edge.address))).await;
    let answer = answer.expect(404);
    assert_eq!(answer.code(), "unknown_proxy");
    assert_eq!(answer.json()["error"]["request_id"].as_str(), answer.header("x-request-id"));
    for path in ["/", "/x", "//", "/..", "/%00"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n");
        assert_eq!(
            raw_call(&world.edge.address, request.as_bytes()).await.expect(404).code(),
            "unknown_proxy",
            "{path}"
        );
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_proxy_that_is_switched_off_says_so() {
    let world = World::start().await;
    let proxy = world.plant(Seed { enabled: false, ..world.seed("openai") }).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(403).code(), "proxy_disabled");
    world.assert_unseen().await;
}

#[tokio::test]
async fn refuses_every_ambiguous_path() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let token = world.token("alice").await;
    for path in [
        "//v1/models",
        "/v1//models",
        "/v1/models/",
        "/v1/./models",
        "/v1/x/../models",
        "/v1/%2e%2e/v1/models",
        "/v1/.%2E/models",
        "/v1%2fmodels",
        "/v1/models%5c..",
        "/v1\\models",
        "/v1/models;x=1",
        "/v1/models%3bx",
        "/v1/models%00",
        "/v1/models%0d%0aX:1",
        "/v1/%256dodels",
        "/v1/mod%C3%A9ls",
        "/v1/models%",
        "/v1/models%2",
        "/v1/models%zz",
    ] {
        let request = format!(
            "GET /{}{path} HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n",
            proxy.slug
        );
        let answer = raw_call(&world.edge.address, request.as_bytes()).await.expect(400);
        // What is no HTTP at all ends in hyper, without a body.
        assert!(answer.body.is_empty() || answer.code() == "bad_path", "{path}: {}", answer.text());
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn an_absolute_target_for_another_host_is_refused() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let token = world.token("alice").await;
    for (target, hosts, status) in [
        (format!("http://edge/{}/v1/models", proxy.slug), "Host: edge\r\n", 200),
        (format!("http://other/{}/v1/models", proxy.slug), "Host: edge\r\n", 400),
        (format!("/{}/v1/models", proxy.slug), "Host: edge\r\nHost: other\r\n", 400),
    ] {
        world.forget_seen().await;
        let request =
            format!("GET {target} HTTP/1.1\r\n{hosts}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        let answer = raw_call(&world.edge.address, request.as_bytes()).await.expect(status);
        if status == 400 {
            assert_eq!(answer.code(), "host_mismatch");
            world.assert_unseen().await;
        }
    }
}

#[tokio::test]
async fn the_upstream_target_is_rebuilt_and_keeps_its_meaning() {
    let world = World::start().await;
    let proxy = world.echo(&[("GET", "/things/{id}"), ("POST", "/models/{model}:run")]).await;
    let answer = world.get(&proxy, "alice", "/things/a%20b%7E%41?q=1%262&q2").await;
    assert_eq!(answer.expect(400).code(), "query_not_allowed");
    let answer = world.get(&proxy, "alice", "/things/a%20b%7E%41?q=1%262").await.expect(200).json();
    assert_eq!((&answer["path"], &answer["query"]), (&json!("/echo/things/a%20b~A"), &json!("q=1%262")));
    let answer = world.post(&proxy, "alice", "/models/m-1.5%3Arun", &json!({})).await.expect(200).json();
    assert_eq!(answer["path"], "/echo/models/m-1.5:run");
}

#[tokio::test]
async fn sizes_of_target_and_header_are_bounded() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let long = format!("/v1/models?x={}", "a".repeat(8 << 10));
    assert_eq!(world.get(&proxy, "alice", &long).await.expect(414).code(), "target_too_long");
    let mut call = world.call(&proxy, "alice", Method::GET, "/v1/models").await;
    for field in 0..70 {
        call = call.header(&format!("x-filler-{field}"), "x");
    }
    assert_eq!(call.send().await.status, 431);
    let call = world.call(&proxy, "alice", Method::GET, "/v1/models").await;
    assert_eq!(call.header("x-filler", &"x".repeat(40 << 10)).send().await.status, 431);
    world.assert_unseen().await;
}

#[tokio::test]
async fn broken_framing_is_refused() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let token = world.token("alice").await;
    for framing in [
        "HTTP/1.0\r\nHost: edge\r\nTransfer-Encoding: chunked\r\n",
        "HTTP/1.1\r\nHost: edge\r\nTransfer-Encoding: gzip\r\n",
        "HTTP/1.1\r\nHost: edge\r\nContent-Length: 3\r\nContent-Length: 4\r\n",
        "HTTP/1.1\r\nHost: edge\r\nContent-Length: -1\r\n",
    ] {
        let request = format!(
            "POST /{}/v1/chat/completions {framing}Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\r\n0\r\n\r\n",
            proxy.slug
        );
        assert_eq!(raw_call(&world.edge.address, request.as_bytes()).await.status, 400, "{framing}");
    }
    world.assert_unseen().await;
}
