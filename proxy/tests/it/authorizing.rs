//! No rule means no; a rule lets through what it names and nothing beside it.

use crate::harness::{PROVIDER_KEY, Seed, World};
use http::Method;
use keyward_domain::rules::EndpointRule;
use serde_json::{Value, json};

#[tokio::test]
async fn denies_a_path_without_a_rule() {
    let world = World::start().await;
    let openai = world.openai().await;
    for (method, path) in [
        (Method::DELETE, "/v1/models/gpt-4o"),
        (Method::GET, "/v1/chat/completions"),
        (Method::GET, "/v1/organization/users"),
        (Method::POST, "/v1/batches"),
        (Method::POST, "/v1/fine_tuning/jobs"),
        (Method::GET, "/v1/threads"),
        (Method::PUT, "/v1/chat/completions"),
        (Method::POST, "/V1/chat/completions"),
        (Method::GET, ""),
        (Method::OPTIONS, "/v1/models"),
        (Method::HEAD, "/v1/models"),
    ] {
        let answer = world.call(&openai, "alice", method.clone(), path).await.send().await;
        assert_eq!(answer.status, 403, "{method} {path}");
        if method != Method::HEAD {
            assert_eq!(answer.code(), "endpoint_not_allowed", "{method} {path}");
            assert_eq!(answer.json()["error"]["type"], "permission_error");
        }
    }
    let custom = world.plant(world.seed("custom")).await;
    assert_eq!(world.get(&custom, "alice", "/anything").await.expect(403).code(), "endpoint_not_allowed");
    world.assert_unseen().await;
}

#[tokio::test]
async fn query_parameters_pass_only_when_their_rule_lists_them() {
    let world = World::start().await;
    let openai = world.openai().await;
    for path in ["/v1/models?admin=1", "/v1/files?limit=1&limit=2", "/v1/files?limit=%00", "/v1/files?limit=%"] {
        assert_eq!(world.get(&openai, "alice", path).await.expect(400).code(), "query_not_allowed", "{path}");
    }
    world.assert_unseen().await;
    world.get(&openai, "alice", "/v1/files?order=asc").await.expect(200);
    assert_eq!(world.seen().await[0]["query"], "order=asc&limit=10000");
}

#[tokio::test]
async fn a_compressed_request_body_is_refused() {
    let world = World::start().await;
    let openai = world.openai().await;
    let call = world.call(&openai, "alice", Method::POST, "/v1/chat/completions").await;
    let answer = call.header("content-encoding", "gzip").body("application/json", vec![31, 139]).send().await;
    assert_eq!(answer.expect(415).code(), "content_encoding_not_allowed");
    world.assert_unseen().await;
}

/// The field names of a request that the provider saw, without those that belong to the connection.
fn field_names(seen: &Value) -> Vec<&str> {
    let names = seen["headers"].as_object().expect("headers").keys().map(String::as_str);
    names.filter(|name| !["host", "content-length", "transfer-encoding"].contains(name)).collect()
}

#[tokio::test]
async fn only_listed_header_fields_reach_the_provider() {
    let world = World::start().await;
    let openai = world.openai().await;
    let call = world.call(&openai, "alice", Method::POST, "/v1/threads").await.json(&json!({}));
    let call = call
        .header("openai-beta", "assistants=v2")
        .header("openai-organization", "org-of-the-caller")
        .header("openai-project", "proj-of-the-caller")
        .header("x-goog-user-project", "p")
        .header("anthropic-beta", "b")
        .header("cookie", "session=1")
        .header("x-forwarded-for", "1.2.3.4")
        .header("forwarded", "for=1.2.3.4")
        .header("x-custom", "1")
        .header("accept-language", "de")
        .header("connection", "keep-alive, idempotency-key")
        .header("idempotency-key", "i-1");
    call.send().await.expect(200);
    let call = world.call(&openai, "alice", Method::POST, "/v1/embeddings").await;
    let call = call.json(&json!({"model": "m", "input": "x"})).header("openai-beta", "assistants=v2");
    call.send().await.expect(200);
    let seen = world.seen().await;
    let common =
        ["accept", "accept-encoding", "accept-language", "authorization", "content-type", "openai-beta", "user-agent"];
    assert_eq!(field_names(&seen[0]), common);
    assert_eq!(seen[0]["headers"]["accept-encoding"], "identity");
    assert!(!field_names(&seen[1]).contains(&"openai-beta"), "the rule of embeddings does not list it");
}

#[tokio::test]
async fn one_user_can_not_send_the_idempotency_key_of_another() {
    let world = World::start().await;
    let openai = world.openai().await;
    for user in ["alice", "alice", "bob"] {
        let call = world.call(&openai, user, Method::POST, "/v1/embeddings").await;
        let call = call.json(&json!({"model": "m", "input": "x"})).header("idempotency-key", "order-1001");
        call.send().await.expect(200);
    }
    let seen = world.seen().await;
    let sent = |at: usize| seen[at]["headers"]["idempotency-key"].as_str().expect("it is sent");
    assert_eq!(sent(0).len(), 64);
    assert_eq!(sent(0), sent(1), "a second try is one");
    assert_ne!(sent(0), sent(2));
}

#[tokio::test]
async fn only_listed_header_fields_reach_the_client() {
    let world = World::start().await;
    let openai = world.openai().await;
    let answer = world.get(&openai, "alice", "/v1/models").await.expect(200);
    for name in [
        "set-cookie",
        "openai-organization",
        "openai-project",
        "x-ratelimit-limit-requests",
        "access-control-allow-origin",
    ] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("openai-version"), Some("2020-10-01"));
    let ours = answer.header("x-request-id").expect("ours");
    assert_eq!(uuid::Uuid::parse_str(ours).map(|id| id.get_version_num()), Ok(7));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn a_rule_of_the_developers_cannot_let_a_credential_through() {
    let world = World::start().await;
    let rule = |headers: &[&str]| EndpointRule {
        method: "GET".to_owned(),
        template: "/x".to_owned(),
        query: vec!["key".to_owned()],
        headers: headers.iter().map(|&name| name.to_owned()).collect(),
    };
    let proxy = world.plant(Seed { rules: Some(vec![rule(&["cookie"])]), ..world.seed("custom") }).await;
    assert_eq!(world.get(&proxy, "alice", "/x").await.expect(403).code(), "endpoint_not_allowed");
    let proxy = world.plant(Seed { rules: Some(vec![rule(&["x-own"])]), ..world.seed("custom") }).await;
    let token = world.token("bob").await;
    let call = world.call(&proxy, "alice", Method::GET, &format!("/x?key={token}")).await.header("x-own", "1");
    let echo = call.send().await.expect(200).json();
    assert_eq!((&echo["query"], &echo["headers"]["x-own"]), (&Value::Null, &json!("1")));
    assert!(!echo.to_string().contains(PROVIDER_KEY));
}
