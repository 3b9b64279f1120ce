//! The provider's list of models, as far as it is the caller's business.

use keyward_domain::policy::ProxyPolicy;
use serde_json::{Value, json};

use crate::harness::{Seed, Seeded, World};

async fn with_models(world: &World, models: &[&str]) -> Seeded {
    let policy = json!({"bodies": [{"models": models}]});
    let policy: ProxyPolicy = serde_json::from_value(policy).expect("a policy");
    world.plant(Seed { policy, ..world.seed("openai") }).await
}

async fn ids(world: &World, proxy: &Seeded) -> Vec<String> {
    let list = world.get(proxy, "alice", "/v1/models").await.expect(200).json();
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    list["data"].as_array().expect("a list").iter().map(id).collect()
}

#[tokio::test]
async fn only_models_that_may_be_asked_for_are_listed() {
    let world = World::start().await;
    let proxy = with_models(&world, &["gpt-4o*"]).await;
    assert_eq!(ids(&world, &proxy).await, ["gpt-4o", "gpt-4o-mini"]);
    world.get(&proxy, "alice", "/v1/models/gpt-4o").await.expect(200);
    world.forget_seen().await;
    let refused = world.get(&proxy, "alice", "/v1/models/gpt-4.1").await.expect(404);
    assert_eq!(refused.code(), "resource_not_found");
    world.assert_unseen().await;
    assert!(ids(&world, &with_models(&world, &[]).await).await.len() > 2);
}

#[tokio::test]
async fn models_of_the_developers_own_are_nobodys_business() {
    let world = World::start().await;
    let (tuned, list) = ("ft:gpt-4o-mini:acme::x", "/openai/v1/models");
    let of = |owner: &str, id: &str| json!({"id": id, "object": "model", "owned_by": owner});
    let all = json!({"object": "list", "data": [of("acme", tuned), of("acme", "own"), of("system", "gpt-4o")]});
    let reply = |path: &str, body: &Value| {
        json!({"path_prefix": path, "method": "GET", "times": 1, "status": 200,
            "headers": {"content-type": "application/json"}, "body": body})
    };
    let proxy = world.openai().await;
    world.arm(&reply(list, &all)).await;
    assert_eq!(ids(&world, &proxy).await, ["gpt-4o"]);
    world.arm(&reply(list, &of("acme", "own"))).await;
    let answer = world.get(&proxy, "alice", "/v1/models/own").await.expect(404);
    assert!(!answer.text().contains("acme"), "{}", answer.text());
    world.forget_seen().await;
    // A colon is no part of a name in a path.
    world.get(&proxy, "alice", &format!("/v1/models/{tuned}")).await.expect(403);
    world.assert_unseen().await;
    let named = with_models(&world, &["own", "gpt-4o"]).await;
    world.arm(&reply(list, &all)).await;
    assert_eq!(ids(&world, &named).await, ["own", "gpt-4o"]);
}
