//! Limits: exact at once, sliding, each user's own, and told to the client.

use crate::harness::{Seed, World, limit};
use futures::future::join_all;
use serde_json::json;

#[tokio::test]
async fn of_a_thousand_parallel_requests_at_a_limit_of_ten_exactly_ten_pass() {
    let world = World::with(&[("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.plant(Seed { rate_limit: Some(limit(10)), ..world.seed("openai") }).await;
    world.token("alice").await;
    let answers = join_all((0..1_000).map(|_| world.get(&proxy, "alice", "/v1/models"))).await;
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((passed, refused), (10, 990));
    assert_eq!(world.seen().await.len(), 10);
    world.usage(&proxy, 1_000).await;
}

#[tokio::test]
async fn a_refusal_says_which_limit_and_when_to_come_again() {
    let world = World::start().await;
    let proxy = world.plant(Seed { rate_limit: Some(limit(2)), ..world.seed("openai") }).await;
    let first = world.get(&proxy, "alice", "/v1/models").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some("\"proxy-requests-hour\";q=2;w=3600"));
    assert_eq!(first.header("ratelimit"), Some("\"proxy-requests-hour\";r=1;t=3600"));
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    let refused = world.get(&proxy, "alice", "/v1/models").await.expect(429);
    assert_eq!(
        (refused.code().as_str(), refused.json()["error"]["type"].as_str()),
        ("rate_limited", Some("rate_limit_error"))
    );
    let secs: u64 = refused.header("retry-after").and_then(|secs| secs.parse().ok()).expect("seconds");
    assert!((3_500..=3_600).contains(&secs), "{secs}");
    assert_eq!(refused.header("ratelimit"), Some(format!("\"proxy-requests-hour\";r=0;t={secs}").as_str()));
    world.get(&proxy, "bob", "/v1/models").await.expect(200);
    assert_eq!(world.seen().await.len(), 3);
}

#[tokio::test]
async fn a_place_is_given_back_when_the_provider_was_never_reached() {
    let world = World::start().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}/openai", nobody.local_addr().expect("bound"));
    drop(nobody);
    let proxy = world.plant(Seed { rate_limit: Some(limit(1)), base_url, ..world.seed("openai") }).await;
    for _ in 0..3 {
        assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(502).code(), "upstream_unreachable");
    }
    assert!(world.metric("keyward_edge_upstream_connect_failures_total").await >= 6.0, "each was tried twice");
    let events = world.usage(&proxy, 3).await;
    assert!(events.iter().all(|event| event["outcome"] == "upstream_failed"));
}

#[tokio::test]
async fn a_call_that_was_refused_before_counts_nothing() {
    let world = World::start().await;
    let proxy = world.plant(Seed { rate_limit: Some(limit(1)), ..world.seed("openai") }).await;
    for _ in 0..3 {
        world.get(&proxy, "alice", "/nowhere").await.expect(403);
    }
    world.post(&proxy, "alice", "/v1/embeddings", &json!({"model": "m", "input": "x"})).await.expect(200);
}
