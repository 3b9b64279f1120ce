//! The developer's key: seen by the provider alone, whatever the provider does with it.

use crate::harness::{PROVIDER_KEY, Seed, World};
use keyward_domain::provider::KeyPlacement;
use keyward_domain::rules::EndpointRule;
use serde_json::json;

#[tokio::test]
async fn a_refused_key_is_502_and_no_part_of_it_comes_back() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for status in [403, 401] {
        world.arm(&json!({"path_prefix": "/openai/v1/models", "times": 1, "status": status, "echo_key": true})).await;
        let answer = world.get(&proxy, "alice", "/v1/models").await.expect(502);
        assert_eq!((answer.code().as_str(), answer.header("x-should-retry")), ("upstream_auth_failed", Some("false")));
        assert!(!answer.text().contains(&PROVIDER_KEY[..12]), "{}", answer.text());
    }
    let events = world.usage(&proxy, 2).await;
    assert!(
        events.iter().all(|event| event["code"] == "upstream_auth_failed" && event["outcome"] == "upstream_failed")
    );
}

#[tokio::test]
async fn a_key_in_any_other_body_is_blotted_out_at_any_chunking() {
    let world = World::start().await;
    let proxy = world.echo(&[("GET", "/x")]).await;
    let blot = "*".repeat(PROVIDER_KEY.len());
    for (status, trickle) in
        [(200, json!(null)), (500, json!({"bytes": 5, "every_ms": 1})), (200, json!({"bytes": 1, "every_ms": 1}))]
    {
        let mut fault = json!({"path_prefix": "/echo/x", "times": 1, "status": status, "echo_key": true, "body": "your key {key}, again {key}."});
        if trickle.is_object() {
            fault["trickle"] = trickle;
        }
        world.arm(&fault).await;
        let answer = world.get(&proxy, "alice", "/x").await.expect(status);
        assert_eq!(answer.text(), format!("your key {blot}, again {blot}."));
    }
}

#[tokio::test]
async fn a_header_field_that_repeats_the_key_is_left_out() {
    let world = World::start().await;
    let proxy = world.echo(&[("GET", "/x")]).await;
    let headers = json!({"content-disposition": format!("inline; filename={PROVIDER_KEY}"), "etag": "kept"});
    world.arm(&json!({"path_prefix": "/echo/x", "headers": headers})).await;
    let answer = world.get(&proxy, "alice", "/x").await.expect(200);
    assert_eq!((answer.header("content-disposition"), answer.header("etag")), (None, Some("kept")));
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for status in [301, 302, 303, 307, 308] {
        world.forget_seen().await;
        let fault = json!({"path_prefix": "/openai/v1/models", "times": 1, "status": status, "headers": {"location": format!("{}/echo/stolen", world.emulator)}});
        world.arm(&fault).await;
        let answer = world.get(&proxy, "alice", "/v1/models").await.expect(502);
        assert_eq!((answer.code().as_str(), answer.header("location")), ("upstream_redirected", None));
        assert_eq!(world.seen().await.len(), 1);
    }
}

#[tokio::test]
async fn a_compressed_reply_that_nobody_asked_for_is_refused() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.arm(&json!({"path_prefix": "/openai/v1/models", "headers": {"content-encoding": "gzip"}})).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(502).code(), "upstream_reply_refused");
}

#[tokio::test]
async fn a_sealed_key_that_was_moved_or_pointed_elsewhere_does_not_open() {
    let world = World::start().await;
    let (one, two) = (world.openai().await, world.openai().await);
    world
        .change(&format!(
            "UPDATE proxies SET base_url = '{}/echo' WHERE id = '{}'",
            world.emulator.replace("127.0.0.1", "localhost"),
            one.proxy
        ))
        .await;
    assert_eq!(world.get(&one, "alice", "/v1/models").await.expect(503).code(), "provider_key_unusable");
    world
        .change(&format!(
            "UPDATE sealed_keys SET sealed = (SELECT sealed FROM sealed_keys WHERE proxy_id = '{}') WHERE proxy_id = '{}'",
            one.proxy, two.proxy
        ))
        .await;
    assert_eq!(world.get(&two, "alice", "/v1/models").await.expect(503).code(), "provider_key_unusable");
    world.change("DELETE FROM sealed_keys").await;
    assert_eq!(world.get(&two, "alice", "/v1/models").await.expect(503).code(), "provider_key_unusable");
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_key_that_goes_in_the_query_stays_out_of_the_log_when_the_call_fails() {
    let world = World::start().await;
    let rules = Some(vec![EndpointRule {
        method: "GET".to_owned(),
        template: "/x".to_owned(),
        query: vec![],
        headers: vec![],
    }]);
    let placement = Some(KeyPlacement::Query { name: "api_key".to_owned() });
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}", nobody.local_addr().expect("bound"));
    drop(nobody);
    let proxy = world.plant(Seed { rules, placement, base_url, ..world.seed("custom") }).await;
    assert_eq!(world.get(&proxy, "alice", "/x").await.expect(502).code(), "upstream_unreachable");
    // That the key is in no log is asserted when the world ends.
}
