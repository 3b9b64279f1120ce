//! Tokens and money: reserved before a call, settled to what it used, in every provider's shape.

use crate::harness::{Seed, Seeded, World, eventually};
use http::Method;
use serde_json::{Value, json};

async fn set(world: &World, table: &str, id: String, policy: &Value) {
    world.change(&format!("UPDATE {table} SET policy = '{policy}' WHERE {id}")).await;
}

pub async fn app_policy(world: &World, proxy: &Seeded, policy: &Value) {
    set(world, "apps", format!("id = '{}'", proxy.app), policy).await;
}

pub async fn plan_limits(world: &World, proxy: &Seeded, limits: &Value) {
    set(world, "plans", format!("app_id = '{}'", proxy.app), &json!({"limits": limits})).await;
}

pub fn limit(measure: &str, window: &str, amount: u64) -> Value {
    json!({"measure": measure, "window": window, "per": "user", "amount": amount})
}

pub fn chat(extra: &Value) -> Value {
    let mut body = json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "one two three"}]});
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    body
}

/// What the user is told of one limit.
pub async fn used(world: &World, proxy: &Seeded, user: &str, name: &str) -> u64 {
    let usage = world.get(proxy, user, "/_keyward/usage").await.expect(200).json();
    let limits = usage["limits"].as_array().expect("a list");
    let limit = limits.iter().find(|limit| limit["name"] == name).unwrap_or_else(|| panic!("no {name} in {usage}"));
    limit["used"].as_u64().expect("a number")
}

pub async fn becomes(world: &World, proxy: &Seeded, name: &str, want: u64) {
    eventually(&format!("{name} is {want}"), || async {
        (used(world, proxy, "alice", name).await == want).then_some(())
    })
    .await;
}

/// Provider, path, and a body that asks for so many words, slowly.
fn streams(words: u32, delay_ms: u32) -> [(&'static str, &'static str, Value); 4] {
    let pace = json!({"emulator_chunks": words.to_string(), "emulator_delay_ms": delay_ms.to_string()});
    let message = json!({"model": "claude-sonnet-4-5", "max_tokens": 5_000, "stream": true, "metadata": pace, "messages": [{"role": "user", "content": "one two three"}]});
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "one two three"}]}], "labels": pace});
    [
        ("openai", "/v1/chat/completions", chat(&json!({"stream": true, "metadata": pace}))),
        (
            "openai",
            "/v1/responses",
            json!({"model": "gpt-4.1", "stream": true, "input": "one two three", "metadata": pace}),
        ),
        ("anthropic", "/v1/messages", message),
        ("gemini", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", contents),
    ]
}

pub async fn with_budgets(world: &World, provider: &'static str) -> Seeded {
    let proxy = world.plant(world.seed(provider)).await;
    let limits = json!([limit("total_tokens", "day", 1_000_000), limit("cost_micro_usd", "month", 50_000_000)]);
    plan_limits(world, &proxy, &limits).await;
    proxy
}

#[tokio::test]
async fn streams_settle_to_what_the_provider_reported() {
    let world = World::start().await;
    for (provider, path, body) in streams(40, 1) {
        let proxy = with_budgets(&world, provider).await;
        let call =
            world.call(&proxy, "alice", Method::POST, path).await.json(&body).header("anthropic-version", "2023-06-01");
        call.send().await.expect(200);
        let event = world.usage(&proxy, 1).await.remove(0);
        assert_eq!((&event["input_tokens"], &event["output_tokens"]), (&json!(3), &json!(40)), "{path} {event:#}");
        assert_eq!((&event["estimated"], event["plan_id"].is_string()), (&json!(false), true));
        becomes(&world, &proxy, "plan-tokens-day", 43).await;
        becomes(&world, &proxy, "plan-cost-month", event["cost_micro_usd"].as_u64().expect("a price")).await;
    }
}

#[tokio::test]
async fn streams_that_are_left_settle_to_what_was_reported_and_delivered() {
    let world = World::start().await;
    for (provider, path, body) in streams(5_000, 20) {
        let proxy = with_budgets(&world, provider).await;
        let call =
            world.call(&proxy, "alice", Method::POST, path).await.json(&body).header("anthropic-version", "2023-06-01");
        let mut response = call.open().await;
        let reserved = used(&world, &proxy, "alice", "plan-tokens-day").await;
        let reserved_money = used(&world, &proxy, "alice", "plan-cost-month").await;
        assert!(reserved > 1_000, "the worst case is held while the call is under way: {reserved}");
        let mut got = String::new();
        while !got.contains("w9") {
            got.push_str(&String::from_utf8_lossy(&response.chunk().await.expect("it goes on").expect("an event")));
        }
        drop(response);
        let event = world.usage(&proxy, 1).await.remove(0);
        let figure = |name: &str| event[name].as_u64().unwrap_or_else(|| panic!("no {name} in {event:#}"));
        assert!((1..1_000).contains(&figure("output_tokens")), "{path} {event:#}");
        assert_eq!((&event["outcome"], &event["estimated"]), (&json!("client_aborted"), &json!(true)), "{path}");
        // OpenAI says what was used at the end only, so nobody knows what the model thought before it was left.
        let (tokens, money) = match provider {
            "openai" => (reserved, reserved_money),
            _ => (figure("input_tokens") + figure("output_tokens"), figure("cost_micro_usd")),
        };
        becomes(&world, &proxy, "plan-tokens-day", tokens).await;
        becomes(&world, &proxy, "plan-cost-month", money).await;
    }
}

#[tokio::test]
async fn who_leaves_before_the_answer_has_spent_what_was_reserved() {
    let world = World::start().await;
    let proxy = with_budgets(&world, "openai").await;
    world.arm(&json!({"path_prefix": "/openai/v1/chat", "delay_ms": 3_600_000})).await;
    let call = world
        .call(&proxy, "alice", Method::POST, "/v1/chat/completions")
        .await
        .json(&chat(&json!({"max_tokens": 700})));
    let waiting = tokio::spawn(call.request.send());
    eventually("the provider has the request", || async { (!world.seen().await.is_empty()).then_some(()) }).await;
    let reserved = used(&world, &proxy, "alice", "plan-tokens-day").await;
    assert!(reserved > 700, "{reserved}");
    waiting.abort();
    world.usage(&proxy, 1).await;
    becomes(&world, &proxy, "plan-tokens-day", reserved).await;
}

#[tokio::test]
async fn nothing_is_spent_when_the_provider_did_nothing() {
    let world = World::start().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base_url = format!("http://{}/openai", nobody.local_addr().expect("bound"));
    drop(nobody);
    let proxy = world.plant(Seed { base_url, ..world.seed("openai") }).await;
    let limits = json!([
        limit("total_tokens", "day", 10_000),
        limit("cost_micro_usd", "month", 50_000),
        limit("requests", "at_once", 1),
        limit("requests", "hour", 5)
    ]);
    plan_limits(&world, &proxy, &limits).await;
    world.post(&proxy, "alice", "/v1/chat/completions", &chat(&json!({"max_tokens": 700}))).await.expect(502);
    for name in ["plan-tokens-day", "plan-cost-month", "plan-requests-at-once", "plan-requests-hour"] {
        becomes(&world, &proxy, name, 0).await;
    }
    // What the caller is to blame for counts as a request, and as nothing else.
    world.get(&proxy, "alice", "/v1/files/file-of-nobody").await.expect(404);
    becomes(&world, &proxy, "plan-requests-hour", 1).await;
    becomes(&world, &proxy, "plan-requests-at-once", 0).await;
}

#[tokio::test]
async fn a_call_that_may_cost_more_than_is_left_is_refused() {
    let world = World::start().await;
    let proxy = world.openai().await;
    // gpt-4o-mini: 0.60 $ per million tokens of output, so 1,000 of them are 600 µ$.
    plan_limits(
        &world,
        &proxy,
        &json!([limit("cost_micro_usd", "month", 1_000), limit("output_tokens", "day", 100_000)]),
    )
    .await;
    let ask = |max_tokens: u64| chat(&json!({"max_tokens": max_tokens}));
    let refused = world.post(&proxy, "alice", "/v1/chat/completions", &ask(10_000)).await.expect(402);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("budget_spent", None));
    assert_eq!(refused.header("x-should-retry"), Some("false"), "no waiting makes the whole budget larger");
    assert!(refused.text().contains("$0.001 per month for each user of the plan"), "{}", refused.text());
    world.assert_unseen().await;
    // Held until it ends, for both: the second finds too little.
    world.arm(&json!({"path_prefix": "/openai/v1/chat", "delay_ms": 3_600_000, "times": 1})).await;
    let first = world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await.json(&ask(1_000));
    let waiting = tokio::spawn(first.request.send());
    eventually("the provider has the request", || async { (!world.seen().await.is_empty()).then_some(()) }).await;
    assert_eq!(
        world.post(&proxy, "alice", "/v1/chat/completions", &ask(1_000)).await.expect(402).code(),
        "budget_spent"
    );
    world.post(&proxy, "bob", "/v1/chat/completions", &ask(1_000)).await.expect(200);
    waiting.abort();
    let tokens = world
        .post(&proxy, "bob", "/v1/embeddings", &json!({"model": "text-embedding-3-small", "input": "x", "n": 100}))
        .await;
    assert_eq!(tokens.expect(429).code(), "tokens_spent");
}

#[tokio::test]
async fn an_unknown_price_is_refused_where_a_budget_is_set() {
    let world = World::start().await;
    let proxy = with_budgets(&world, "openai").await;
    let unheard = chat(&json!({"model": "unheard-of", "max_tokens": 10}));
    let refused = world.post(&proxy, "alice", "/v1/chat/completions", &unheard).await.expect(403);
    assert_eq!(refused.code(), "model_price_unknown");
    world.assert_unseen().await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    let prices = json!([{"provider": "openai", "model": "*", "input_per_million": 1_000_000, "output_per_million": 2_000_000, "per_request": 100}]);
    app_policy(&world, &proxy, &json!({"prices": prices})).await;
    world.post(&proxy, "alice", "/v1/chat/completions", &unheard).await.expect(200);
    // 3 tokens in, 5 out, and the request itself.
    let event = world.usage(&proxy, 3).await.remove(2);
    assert_eq!(event["cost_micro_usd"], json!(3 + 10 + 100), "{event:#}");
    becomes(&world, &proxy, "plan-cost-month", 113).await;
}

#[tokio::test]
async fn a_limit_of_a_model_counts_its_calls_only() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let mut of_mini = limit("requests", "hour", 1);
    of_mini["model"] = json!("gpt-4o-mini*");
    plan_limits(&world, &proxy, &json!([of_mini])).await;
    let ask = |model: &str| chat(&json!({"model": model}));
    world.post(&proxy, "alice", "/v1/chat/completions", &ask("gpt-4o-mini")).await.expect(200);
    world.post(&proxy, "alice", "/v1/chat/completions", &ask("gpt-4.1")).await.expect(200);
    let refused = world.post(&proxy, "alice", "/v1/chat/completions", &ask("gpt-4o-mini-2024-07-18")).await.expect(429);
    assert!(refused.text().contains("of gpt-4o-mini*"), "{}", refused.text());
}
