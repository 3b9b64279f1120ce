//! From where a proxy may be called, and whose word counts for the address.

use crate::harness::{KEK, Seed, World};
use http::Method;
use keyward_domain::ids::{MemberId, ProxyId};
use keyward_domain::policy::ProxyPolicy;
use keyward_identity::test_call;
use keyward_store::sealing::KeyRing;
use serde_json::{Value, json};

fn proxy_rules(rules: &Value) -> ProxyPolicy {
    serde_json::from_value(json!({"ip_rules": rules})).expect("a policy")
}

fn app_rules(app: impl std::fmt::Display, rules: &Value) -> String {
    format!("UPDATE apps SET policy = '{}' WHERE id = '{app}'", json!({"ip_rules": rules}))
}

#[tokio::test]
async fn an_address_that_a_rule_denies_reaches_nothing() {
    let world = World::start().await;
    let policy = proxy_rules(&json!([{"network": "127.0.0.0/8", "action": "deny", "note": "here"}]));
    let proxy = world.plant(Seed { policy, ..world.seed("openai") }).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(403).code(), "address_not_allowed");
    // Before authentication: who has no token learns nothing else.
    let answer = world.send(world.client.get(world.url(&proxy, "/v1/models"))).await;
    assert_eq!(answer.expect(403).code(), "address_not_allowed");
    world.assert_unseen().await;
    assert_eq!(world.metric("keyward_edge_requests_total{code=\"address_not_allowed\"").await, 2.0);
}

#[tokio::test]
async fn an_allow_list_really_restricts_also_when_it_has_expired() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let status = async |rules: Value| {
        world.change(&app_rules(proxy.app, &rules)).await;
        world.get(&proxy, "alice", "/v1/models").await.status
    };
    let rule = |network: &str, action: &str, expires: Value| json!({"network": network, "action": action, "expires_at": expires});
    let (past, future) = (json!("2020-01-01T00:00:00Z"), json!("2100-01-01T00:00:00Z"));
    assert_eq!(status(json!([rule("127.0.0.1", "allow", Value::Null)])).await, 200);
    assert_eq!(status(json!([rule("127.0.0.1", "allow", future.clone())])).await, 200);
    assert_eq!(status(json!([rule("203.0.113.0/24", "allow", Value::Null)])).await, 403);
    assert_eq!(status(json!([rule("127.0.0.1", "allow", past.clone())])).await, 403);
    assert_eq!(status(json!([rule("127.0.0.1", "deny", past)])).await, 200);
    let both = json!([rule("127.0.0.1", "allow", Value::Null), rule("127.0.0.0/8", "deny", future)]);
    assert_eq!(status(both).await, 403);
}

#[tokio::test]
async fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
    let rules = || proxy_rules(&json!([{"network": "203.0.113.0/24", "action": "allow"}]));
    for (trusted, field, sent, status) in [
        ("none", "x-forwarded-for", ("x-forwarded-for", "203.0.113.9"), 403),
        ("127.0.0.1", "x-forwarded-for", ("x-forwarded-for", "203.0.113.9"), 200),
        ("127.0.0.1", "x-forwarded-for", ("x-forwarded-for", "203.0.113.9, 198.51.100.1"), 403),
        ("127.0.0.1", "x-forwarded-for", ("x-forwarded-for", "203.0.113.9, nonsense"), 403),
        ("127.0.0.1", "x-forwarded-for", ("forwarded", "for=203.0.113.9"), 403),
        ("127.0.0.1", "forwarded", ("forwarded", "for=203.0.113.9"), 200),
        ("127.0.0.1", "forwarded", ("x-forwarded-for", "203.0.113.9"), 403),
    ] {
        let world =
            World::with(&[("KEYWARD_TRUSTED_PROXIES", trusted), ("KEYWARD_FORWARDED_FIELD", field)]).start().await;
        let proxy = world.plant(Seed { policy: rules(), ..world.seed("openai") }).await;
        let call = world.call(&proxy, "alice", Method::GET, "/v1/models").await.header(sent.0, sent.1);
        assert_eq!(call.send().await.status, status, "{trusted} {field} {sent:?}");
    }
}

#[tokio::test]
async fn the_dashboards_test_call_is_not_bound_to_the_address_rules() {
    let world = World::start().await;
    let policy = proxy_rules(&json!([{"network": "203.0.113.0/24", "action": "allow"}]));
    let proxy = world.plant(Seed { policy, ..world.seed("openai") }).await;
    let now = world.database.count("SELECT extract(epoch FROM now())::bigint").await;
    let now = time::OffsetDateTime::from_unix_timestamp(now).expect("a time");
    let mint = |key: &[u8; 32]| test_call::mint(key, ProxyId(proxy.proxy), MemberId(proxy.app), now);
    let call = |token: String| world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(token));
    call(mint(&KeyRing::from_hex(KEK).expect("hex").test_call_key())).await.expect(200);
    assert_eq!(call(mint(&[7; 32])).await.expect(403).code(), "address_not_allowed", "a forged one");
}
