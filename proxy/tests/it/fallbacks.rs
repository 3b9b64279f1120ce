//! A fallback takes a call only as if it had been called itself: none of its own rules is left behind.

use keyward_domain::ids::ProxyId;
use keyward_domain::policy::ProxyPolicy;
use serde_json::{Value, json};

use crate::budgets::{app_policy, limit, plan_limits};
use crate::harness::{Answer, MORE_KEYS, PROVIDER_KEY, Seeded, World};

const CHAT: &str = "/v1/chat/completions";

fn chat() -> Value {
    json!({"model": "gpt-4o-mini", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]})
}

/// A proxy whose only key rests, and its fallback.
async fn resting(world: &World) -> (Seeded, Seeded) {
    let proxy = world.openai().await;
    let fallback = world.sibling(&proxy, MORE_KEYS[0]).await;
    let policy = ProxyPolicy { fallback: Some(ProxyId(fallback.proxy)), ..ProxyPolicy::default() };
    world.change(&format!("UPDATE proxies SET policy = '{}' WHERE id = '{}'", json!(policy), proxy.proxy)).await;
    world.arm(&json!({"path_prefix": "/openai", "key": PROVIDER_KEY, "status": 401, "times": 1})).await;
    ask(world, &proxy).await.expect(502);
    world.forget_seen().await;
    (proxy, fallback)
}

async fn set(world: &World, proxy: &Seeded, policy: &Value) {
    world.change(&format!("UPDATE proxies SET policy = '{policy}' WHERE id = '{}'", proxy.proxy)).await;
}

async fn ask(world: &World, proxy: &Seeded) -> Answer {
    world.post(proxy, "alice", CHAT, &chat()).await
}

async fn stays(world: &World, proxy: &Seeded, why: &str) {
    let answer = ask(world, proxy).await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "provider_keys_refused"), "{why}");
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_fallback_that_would_refuse_the_call_does_not_take_it() {
    let world = World::start().await;
    let (proxy, fallback) = resting(&world).await;
    for policy in [
        json!({"bodies": [{"models": ["gpt-4.1"]}]}),
        json!({"bodies": [{"tools": {"kind": "none"}, "max_chars": 1}]}),
        json!({"ip_rules": [{"network": "127.0.0.0/8", "action": "deny"}]}),
        json!({"limits": [limit("requests", "hour", 0)]}),
        json!({"limits": [limit("output_tokens", "hour", 10)]}),
        json!({"byok": "required"}),
    ] {
        set(&world, &fallback, &policy).await;
        stays(&world, &proxy, &policy.to_string()).await;
    }
    set(&world, &fallback, &json!({})).await;
    let origins = |list: &str| {
        format!("UPDATE proxies SET allowed_origins = ARRAY[{list}]::text[] WHERE id = '{}'", fallback.proxy)
    };
    world.change(&origins("'https://other.example'")).await;
    let call = world.call(&proxy, "alice", http::Method::POST, CHAT).await;
    let answer = call.header("origin", "https://app.example").json(&chat()).send().await.expect(502);
    assert_eq!(answer.code(), "provider_keys_refused");
    world.assert_unseen().await;
    world.change(&origins("'https://app.example'")).await;
    ask(&world, &proxy).await.expect(200);
}

#[tokio::test]
async fn a_fallback_counts_what_it_takes_and_stops_at_its_own_limit() {
    let world = World::start().await;
    let (proxy, fallback) = resting(&world).await;
    set(&world, &fallback, &json!({"limits": [limit("requests", "hour", 2)]})).await;
    ask(&world, &proxy).await.expect(200);
    // Called by its own name, it has counted that one.
    ask(&world, &fallback).await.expect(200);
    assert_eq!(ask(&world, &fallback).await.expect(429).code(), "rate_limited");
    world.forget_seen().await;
    stays(&world, &proxy, "the fallback's limit is reached").await;
}

#[tokio::test]
async fn a_fallback_sends_by_its_own_body_rules_and_at_its_own_price() {
    let world = World::start().await;
    let (proxy, fallback) = resting(&world).await;
    let rule = json!({"aliases": {"gpt-4o-mini": "gpt-4.1"}, "models": ["gpt-4.1"], "max_output_tokens": 7});
    set(&world, &fallback, &json!({"bodies": [rule]})).await;
    plan_limits(&world, &proxy, &json!([limit("cost_micro_usd", "month", 50_000_000)])).await;
    let prices = json!([{"provider": "openai", "model": "gpt-4.1", "input_per_million": 0, "output_per_million": 0, "per_request": 777}]);
    app_policy(&world, &proxy, &json!({"prices": prices})).await;
    let answer = ask(&world, &proxy).await.expect(200).json();
    assert_eq!(answer["model"], "gpt-4.1", "{answer}");
    let event = world.usage(&proxy, 2).await.remove(1);
    assert_eq!((&event["model"], &event["cost_micro_usd"]), (&json!("gpt-4.1"), &json!(777)), "{event:#}");
    // Without a price there, a budget could not hold: the call stays where it was.
    let rule = json!({"aliases": {"gpt-4o-mini": "unheard-of"}});
    set(&world, &fallback, &json!({"bodies": [rule]})).await;
    world.forget_seen().await;
    stays(&world, &proxy, "the fallback's model has no price").await;
}
