//! CORS: allowed origins may read every answer, errors included; others reach nothing.

use crate::harness::{Answer, Seed, World};
use http::Method;
use serde_json::json;

const ALLOWED: &str = "https://app.example";

fn readable(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
    let exposed = answer.header("access-control-expose-headers").expect("a list");
    for name in ["x-request-id", "retry-after", "ratelimit", "ratelimit-policy", "x-should-retry", "openai-version"] {
        assert!(exposed.split(", ").any(|listed| listed == name), "{name} in {exposed}");
    }
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert!(answer.header("vary").is_some_and(|vary| vary.contains("origin")));
}

#[tokio::test]
async fn a_preflight_is_answered_before_authentication() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let preflight = |origin: &str| {
        let request = world.client.request(Method::OPTIONS, world.url(&proxy, "/v1/chat/completions"));
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        world.send(request.header("access-control-request-headers", "authorization, content-type, x-stainless-os"))
    };
    let answer = preflight(ALLOWED).await.expect(204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(ALLOWED));
    assert!(answer.header("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization, content-type, x-stainless-os"));
    let answer = preflight("https://evil.example").await.expect(403);
    assert_eq!((answer.code().as_str(), answer.header("access-control-allow-origin")), ("origin_not_allowed", None));
    world.assert_unseen().await;
    assert_eq!(world.usage(&proxy, 1).await[0]["code"], "origin_not_allowed", "a preflight itself is no usage");
}

#[tokio::test]
async fn errors_and_replies_are_readable_by_an_allowed_origin() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let request = world.client.get(world.url(&proxy, "/v1/models")).header("origin", ALLOWED);
    readable(&world.send(request).await.expect(401));
    readable(
        &world.call(&proxy, "alice", Method::GET, "/nowhere").await.header("origin", ALLOWED).send().await.expect(403),
    );
    readable(
        &world
            .call(&proxy, "alice", Method::GET, "/v1/models")
            .await
            .header("origin", ALLOWED)
            .send()
            .await
            .expect(200),
    );
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let call = world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await.json(&body);
    readable(&call.header("origin", ALLOWED).send().await.expect(200));
}

#[tokio::test]
async fn other_origins_reach_nothing_and_apps_without_one_pass() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for origin in ["https://evil.example", "null", "http://app.example", "https://app.example:444"] {
        let call = world.call(&proxy, "alice", Method::GET, "/v1/models").await.header("origin", origin);
        assert_eq!(call.send().await.expect(403).code(), "origin_not_allowed", "{origin}");
    }
    world.assert_unseen().await;
    let answer = world.get(&proxy, "alice", "/v1/models").await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_wildcard_allows_the_subdomains_of_its_host_and_no_others() {
    let world = World::start().await;
    let origins = vec!["https://*.preview.example".to_owned()];
    let proxy = world.plant(Seed { origins, ..world.seed("openai") }).await;
    for (origin, status) in [
        ("https://branch-1.preview.example", 200),
        ("https://preview.example", 403),
        ("https://evilpreview.example", 403),
        ("https://a.preview.example.evil.example", 403),
        ("http://a.preview.example", 403),
    ] {
        let call = world.call(&proxy, "alice", Method::GET, "/v1/models").await.header("origin", origin);
        let answer = call.send().await.expect(status);
        assert_eq!(answer.header("access-control-allow-origin"), (status == 200).then_some(origin));
    }
}

#[tokio::test]
async fn two_origins_in_one_request_are_none() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let call = world.call(&proxy, "alice", Method::GET, "/v1/models").await;
    let answer = call.header("origin", ALLOWED).header("origin", "https://evil.example").send().await.expect(403);
    assert_eq!((answer.code().as_str(), answer.header("access-control-allow-origin")), ("origin_not_allowed", None));
    world.assert_unseen().await;
}
