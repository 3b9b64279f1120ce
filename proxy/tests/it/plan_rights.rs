//! What a plan leaves its users of a proxy, and what they are told.

use crate::harness::World;
use crate::plans::{Shop, requests};
use keyward_domain::plans::EntitlementState;
use serde_json::{Value, json};

fn hello(model: &str) -> Value {
    json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]})
}

/// What reached the provider last.
async fn sent(world: &World) -> Value {
    world.seen().await.pop().expect("a request")["body_json"].take()
}

#[tokio::test]
async fn a_plan_allows_fewer_endpoints_and_models_than_its_proxy_and_says_where_there_is_more() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    let less = json!({
        "message": "Get Pro for more.",
        "upgrade_url": "https://app.example/pro",
        "proxies": {proxy.proxy.to_string(): {
            "endpoints": ["POST /v1/chat/completions", "GET /v1/models"],
            "body": {"models": ["gpt-4o-mini"], "max_output_tokens": 7},
        }},
    });
    shop.policy_of("Default", &less).await;
    world.forget_seen().await;
    let refused = world.get(&proxy, "alice", "/v1/files").await.expect(403);
    assert_eq!(refused.code(), "plan_endpoint_not_allowed");
    let error = refused.json()["error"].clone();
    assert_eq!(error["upgrade_url"], "https://app.example/pro");
    assert!(error["message"].as_str().is_some_and(|text| text.ends_with("Get Pro for more.")), "{error}");
    let refused = shop.chat("alice", hello("gpt-4o")).await.expect(403);
    assert_eq!(refused.code(), "model_not_allowed");
    assert_eq!(refused.json()["error"]["upgrade_url"], "https://app.example/pro");
    world.assert_unseen().await;
    // What nobody allows is not for sale.
    let unknown = world.get(&proxy, "alice", "/v1/organization/users").await.expect(403);
    assert_eq!(
        (unknown.code().as_str(), &unknown.json()["error"]["upgrade_url"]),
        ("endpoint_not_allowed", &Value::Null)
    );

    shop.chat("alice", hello("gpt-4o-mini")).await.expect(200);
    assert_eq!(sent(&world).await["max_tokens"], 7);
    let shown = world.get(&proxy, "alice", "/v1/models").await.expect(200).json();
    let shown: Vec<&str> =
        shown["data"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(shown, ["gpt-4o-mini"]);

    shop.buys("cus_1", "alice", EntitlementState::Active).await;
    shop.is_in("alice", "Pro").await;
    world.get(&proxy, "alice", "/v1/files").await.expect(200);
    shop.chat("alice", hello("gpt-4o")).await.expect(200);
    assert_eq!(sent(&world).await["max_tokens"], 100);
}

#[tokio::test]
async fn a_limit_that_is_reached_says_where_there_is_more() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    shop.policy_of("Default", &json!({"limits": [requests(1)], "upgrade_url": "https://app.example/pro"})).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    let refused = world.get(&proxy, "alice", "/v1/models").await.expect(429);
    assert_eq!(refused.json()["error"]["upgrade_url"], "https://app.example/pro");
    let usage = world.get(&proxy, "alice", "/_keyward/usage").await.expect(200).json();
    assert_eq!(usage["plan"], json!({"name": "Default", "message": null, "upgrade_url": "https://app.example/pro"}));
}

#[tokio::test]
async fn claims_decide_in_the_order_of_the_rules() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let shop = Shop::open(&world, &proxy).await;
    let (gold, staff) = (shop.plan("Gold", &json!({})).await, shop.plan("Staff", &json!({})).await);
    let claim = |name: &str, value: &str| json!({"kind": "claim", "name": name, "value": value});
    shop.rules(&[(staff, claim("roles", "staff")), (gold, claim("app_metadata.plan", "gold"))]).await;
    for (claims, plan) in [
        (json!({}), "Default"),
        (json!({"app_metadata": {"plan": "gold"}}), "Gold"),
        (json!({"user_metadata": {"plan": "gold"}, "plan": "gold"}), "Default"),
        (json!({"app_metadata": {"plan": "gold"}, "roles": ["x", "staff"]}), "Staff"),
    ] {
        let token = world.mint(&json!({"sub": "alice", "claims": claims})).await;
        let call = world.client.get(world.url(&proxy, "/_keyward/usage")).bearer_auth(token);
        assert_eq!(world.send(call).await.expect(200).json()["plan"]["name"], plan, "{claims}");
    }
}
