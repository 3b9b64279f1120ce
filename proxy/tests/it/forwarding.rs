//! What a developer adds to every call, and how long a proxy's provider is waited for.

use keyward_domain::policy::{ProxyPolicy, Timeouts, UpstreamHeader};
use serde_json::json;

use crate::harness::{Seed, World};

fn headers(pairs: &[(&str, &str)]) -> ProxyPolicy {
    let header = |&(name, value): &(&str, &str)| UpstreamHeader { name: name.to_owned(), value: value.to_owned() };
    ProxyPolicy { upstream_headers: pairs.iter().map(header).collect(), ..ProxyPolicy::default() }
}

#[tokio::test]
async fn the_developers_header_fields_go_with_every_call_and_the_clients_own_do_not() {
    let world = World::start().await;
    let policy = headers(&[("openai-organization", "org-of-developer"), ("x-not-listed", "1"), ("authorization", "x")]);
    let proxy = world.plant(Seed { policy, ..world.seed("openai") }).await;
    let call = world.call(&proxy, "alice", http::Method::GET, "/v1/models").await;
    call.header("openai-organization", "org-of-mallory").header("openai-project", "proj").send().await.expect(200);
    let seen = &world.seen().await[0]["headers"];
    assert_eq!(
        (&seen["openai-organization"], &seen["authorization"]),
        (&json!("org-of-developer"), &json!("Bearer [key]"))
    );
    assert!(seen["openai-project"].is_null() && seen["x-not-listed"].is_null(), "{seen}");
}

#[tokio::test]
async fn a_custom_api_takes_any_field_that_is_not_the_edges_own() {
    let world = World::start().await;
    let proxy = world.echo(&[("GET", "/x")]).await;
    let policy =
        headers(&[("x-tenant", "t-1"), ("host", "evil.example"), ("x-forwarded-for", "1.2.3.4"), ("te", "trailers")]);
    world.change(&format!("UPDATE proxies SET policy = '{}' WHERE id = '{}'", json!(policy), proxy.proxy)).await;
    let call = world.call(&proxy, "alice", http::Method::GET, "/x").await;
    let seen = call.header("x-tenant", "t-of-mallory").send().await.expect(200).json();
    assert_eq!(seen["headers"]["x-tenant"], "t-1");
    assert!(seen["headers"]["x-forwarded-for"].is_null() && seen["headers"]["te"].is_null(), "{seen}");
    assert_ne!(seen["headers"]["host"], "evil.example");
}

#[tokio::test]
async fn a_proxy_waits_as_long_as_its_own_times_say() {
    let world = World::start().await;
    let timeouts = Timeouts { first_byte_secs: Some(1), idle_secs: Some(1), ..Timeouts::default() };
    let proxy =
        world.plant(Seed { policy: ProxyPolicy { timeouts, ..ProxyPolicy::default() }, ..world.seed("openai") }).await;
    world.arm(&json!({"path_prefix": "/openai", "times": 1, "delay_ms": 20_000})).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(504).code(), "upstream_timeout");
    world.arm(&json!({"path_prefix": "/openai", "times": 1, "trickle": {"bytes": 10, "every_ms": 20_000}})).await;
    // A list would be read whole before any of it goes on.
    let body = json!({"model": "m", "input": "x"});
    let answer = world.post(&proxy, "alice", "/v1/embeddings", &body).await.expect(200);
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err(), "it broke off");
    let events = world.usage(&proxy, 2).await;
    assert_eq!(events[1]["code"], "upstream_timeout");
}
