//! The calls of a batch are made later, by the provider alone: what all of them may use is reserved when it begins.

use http::Method;
use keyward_domain::rules::EndpointRule;
use serde_json::{Value, json};

use crate::budgets::{becomes, limit, plan_limits, used};
use crate::going_on::batch_file;
use crate::harness::{Answer, Seed, Seeded, World};

const OPENAI: &str = "/v1/batches";
const ANTHROPIC: &str = "/v1/messages/batches";

async fn open(world: &World, provider: &'static str, path: &str) -> Seeded {
    let known = keyward_domain::catalogue::provider(provider).expect("in the catalogue");
    let batches = EndpointRule { method: "POST".to_owned(), template: path.to_owned(), query: vec![], headers: vec![] };
    let rules = Some(known.default_rules.iter().cloned().chain([batches]).collect());
    world.plant(Seed { rules, ..world.seed(provider) }).await
}

fn message(model: &str, max_tokens: u64) -> Value {
    json!({"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": "hi"}]})
}

/// A batch of these calls in a file.
async fn of_file(world: &World, proxy: &Seeded, calls: &[Value]) -> Answer {
    let line = |body: &Value| json!({"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": body});
    let lines: Vec<String> = calls.iter().map(|body| line(body).to_string()).collect();
    let file = batch_file(world, proxy, "alice", &lines.join("\n")).await;
    let begun = json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    world.post(proxy, "alice", OPENAI, &begun).await
}

/// A batch of these calls in its own body.
async fn of_body(world: &World, proxy: &Seeded, calls: &[Value]) -> Answer {
    let requests: Vec<Value> = calls.iter().map(|body| json!({"custom_id": "1", "params": body})).collect();
    let call = world.call(proxy, "alice", Method::POST, ANTHROPIC).await;
    call.header("anthropic-version", "2023-06-01").json(&json!({"requests": requests})).send().await
}

async fn none_begun(world: &World) {
    let seen = world.seen().await;
    assert!(!seen.iter().any(|seen| seen["path"].as_str().is_some_and(|path| path.ends_with("/batches"))), "{seen:#?}");
}

#[tokio::test]
async fn each_call_of_a_batch_counts_as_a_call() {
    let world = World::start().await;
    let proxy = open(&world, "openai", OPENAI).await;
    plan_limits(&world, &proxy, &json!([limit("requests", "hour", 8), limit("requests", "at_once", 1)])).await;
    let call = message("gpt-4o-mini", 5);
    let refused = of_file(&world, &proxy, &vec![call.clone(); 7]).await.expect(429);
    assert_eq!(refused.code(), "rate_limited");
    none_begun(&world).await;
    // The file and the attempt.
    assert_eq!(used(&world, &proxy, "alice", "plan-requests-hour").await, 2);
    of_file(&world, &proxy, &vec![call; 4]).await.expect(200);
    becomes(&world, &proxy, "plan-requests-hour", 8).await;
    becomes(&world, &proxy, "plan-requests-at-once", 0).await;
}

#[tokio::test]
async fn what_a_batch_may_use_is_reserved_for_good() {
    let world = World::start().await;
    let proxy = open(&world, "openai", OPENAI).await;
    let mut of_nano = limit("requests", "hour", 1);
    of_nano["model"] = json!("gpt-4.1-nano");
    let budgets = [limit("output_tokens", "day", 1_000), limit("cost_micro_usd", "month", 1_000), of_nano];
    plan_limits(&world, &proxy, &json!(budgets)).await;
    for (calls, status, code) in [
        (vec![message("gpt-4o-mini", 600), message("gpt-4o-mini", 600)], 429, "tokens_spent"),
        (vec![message("gpt-4o-mini", 10), message("gpt-4o", 200)], 402, "budget_spent"),
        (vec![message("gpt-4o-mini", 10), message("unheard-of", 10)], 403, "model_price_unknown"),
        (vec![message("gpt-4.1-nano", 10), message("gpt-4.1-nano", 10)], 429, "rate_limited"),
    ] {
        let answer = of_file(&world, &proxy, &calls).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{calls:?}");
    }
    none_begun(&world).await;
    assert_eq!(used(&world, &proxy, "alice", "plan-output-tokens-day").await, 0);
    of_file(&world, &proxy, &[message("gpt-4o-mini", 300), message("gpt-4o-mini", 400)]).await.expect(200);
    becomes(&world, &proxy, "plan-output-tokens-day", 700).await;
    assert!(used(&world, &proxy, "alice", "plan-cost-month").await >= 700 * 6 / 10);
    // Of a batch that the provider refuses, nothing stays.
    world.arm(&json!({"path_prefix": "/openai/v1/batches", "status": 400, "times": 1})).await;
    of_file(&world, &proxy, &[message("gpt-4o-mini", 100)]).await.expect(400);
    becomes(&world, &proxy, "plan-output-tokens-day", 700).await;
}

#[tokio::test]
async fn a_batch_in_one_body_is_counted_call_by_call() {
    let world = World::start().await;
    let proxy = open(&world, "anthropic", ANTHROPIC).await;
    let limits =
        [limit("requests", "hour", 4), limit("output_tokens", "day", 100), limit("cost_micro_usd", "day", 1_000_000)];
    plan_limits(&world, &proxy, &json!(limits)).await;
    let small = message("claude-sonnet-4-5", 20);
    let answer = of_body(&world, &proxy, &[small.clone(), message("claude-sonnet-4-5", 90)]).await;
    assert_eq!(answer.expect(429).code(), "tokens_spent");
    assert_eq!(of_body(&world, &proxy, &vec![small.clone(); 3]).await.expect(429).code(), "rate_limited");
    none_begun(&world).await;
    of_body(&world, &proxy, &[small]).await.expect(200);
    becomes(&world, &proxy, "plan-requests-hour", 4).await;
    becomes(&world, &proxy, "plan-output-tokens-day", 20).await;
}
