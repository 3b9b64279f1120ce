//! What a call may cost beside the one model it asks for: tools that the provider runs, tiers, fallback models; and what a
//! refused body counts.

use http::Method;
use keyward_domain::policy::ProxyPolicy;
use serde_json::{Value, json};

use crate::budgets::{app_policy, becomes, chat, limit, plan_limits, used, with_budgets};
use crate::harness::{Seed, World, limit as requests};

const CHAT: &str = "/v1/chat/completions";

fn price(provider: &str, model: &str, input_per_million: u64, per_request: u64) -> Value {
    json!({"provider": provider, "model": model, "input_per_million": input_per_million, "output_per_million": 0,
        "per_request": per_request})
}

#[tokio::test]
async fn what_costs_beside_tokens_is_refused_under_a_budget_unless_it_has_a_price() {
    let world = World::start().await;
    let proxy = with_budgets(&world, "openai").await;
    for extra in [
        json!({"service_tier": "priority"}),
        json!({"web_search_options": {}}),
        json!({"tools": [{"type": "code_interpreter"}]}),
    ] {
        let answer = world.post(&proxy, "alice", CHAT, &chat(&extra)).await.expect(403);
        assert_eq!(answer.code(), "extra_price_unknown", "{extra}");
    }
    world.assert_unseen().await;
    world.post(&proxy, "alice", CHAT, &chat(&json!({"service_tier": "flex"}))).await.expect(200);
    app_policy(&world, &proxy, &json!({"prices": [price("openai", "tool:web_search", 0, 25_000)]})).await;
    world.post(&proxy, "alice", CHAT, &chat(&json!({"web_search_options": {}}))).await.expect(200);
    let events = world.usage(&proxy, 5).await;
    let cost = |at: usize| events[at]["cost_micro_usd"].as_u64().expect("a price");
    assert!((25_001..26_000).contains(&cost(4)), "{:#}", events[4]);
    becomes(&world, &proxy, "plan-cost-month", cost(3) + cost(4)).await;
}

#[tokio::test]
async fn without_a_budget_of_money_a_tool_of_the_providers_is_nobodys_concern() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.post(&proxy, "alice", CHAT, &chat(&json!({"web_search_options": {}}))).await.expect(200);
}

#[tokio::test]
async fn a_call_that_names_fallback_models_is_held_by_each_and_priced_by_the_dearest() {
    let world = World::start().await;
    let proxy = world.plant(world.seed("openrouter")).await;
    let ask = async |others: Value| {
        let body = json!({"model": "x/cheap", "models": others, "max_tokens": 1, "messages": [{"role": "user", "content": "hi there"}]});
        world.post(&proxy, "alice", "/api/v1/chat/completions", &body).await
    };
    plan_limits(&world, &proxy, &json!([limit("cost_micro_usd", "month", 1_000)])).await;
    let prices = [price("openrouter", "x/cheap", 1_000_000, 0), price("openrouter", "x/dear", 1_000_000_000, 0)];
    app_policy(&world, &proxy, &json!({"prices": prices})).await;
    ask(json!(["x/cheap"])).await.expect(200);
    assert_eq!(ask(json!(["x/cheap", "x/unheard-of"])).await.expect(403).code(), "model_price_unknown");
    assert_eq!(ask(json!(["x/cheap", "x/dear"])).await.expect(402).code(), "budget_spent");
    let mut of_dear = limit("requests", "hour", 1);
    of_dear["model"] = json!("x/dear");
    plan_limits(&world, &proxy, &json!([of_dear])).await;
    ask(json!(["x/dear"])).await.expect(200);
    assert_eq!(ask(json!(["x/dear"])).await.expect(429).code(), "rate_limited");
    ask(json!([])).await.expect(200);
}

#[tokio::test]
async fn a_body_that_is_refused_counts_as_a_request_and_as_nothing_else() {
    let world = World::start().await;
    let policy: ProxyPolicy =
        serde_json::from_value(json!({"bodies": [{"models": ["gpt-4o-mini"]}]})).expect("a policy");
    let proxy = world.plant(Seed { policy, rate_limit: Some(requests(3)), ..world.seed("openai") }).await;
    plan_limits(&world, &proxy, &json!([limit("total_tokens", "day", 1_000_000), limit("requests", "at_once", 1)]))
        .await;
    let broken = async || {
        let call = world.call(&proxy, "alice", Method::POST, CHAT).await;
        call.body("application/json", b"{\"model\":".to_vec()).send().await
    };
    assert_eq!(broken().await.expect(400).code(), "bad_body");
    let foreign = chat(&json!({"model": "gpt-4.1"}));
    assert_eq!(world.post(&proxy, "alice", CHAT, &foreign).await.expect(403).code(), "model_not_allowed");
    broken().await.expect(400);
    assert_eq!(broken().await.expect(429).code(), "rate_limited");
    world.assert_unseen().await;
    assert_eq!(used(&world, &proxy, "alice", "plan-tokens-day").await, 0);
    assert_eq!(used(&world, &proxy, "alice", "plan-requests-at-once").await, 0);
    world.post(&proxy, "bob", CHAT, &chat(&json!({}))).await.expect(200);
}
