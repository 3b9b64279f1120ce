//! Calls whose use nobody reports keep their reservation; reports of other calls are not counted again.

use crate::budgets::{app_policy, becomes, chat, limit, plan_limits, used, with_budgets};
use crate::harness::{World, eventually};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn who_leaves_between_the_head_and_the_first_byte_has_spent_what_was_reserved() {
    let world = World::start().await;
    let proxy = with_budgets(&world, "openai").await;
    world.arm(&json!({"path_prefix": "/openai/v1/chat", "first_byte_delay_ms": 3_600_000})).await;
    let body = chat(&json!({"stream": true, "max_tokens": 700}));
    let response = world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await.json(&body).open().await;
    assert_eq!(response.status().as_u16(), 200);
    let reserved = used(&world, &proxy, "alice", "plan-tokens-day").await;
    let money = used(&world, &proxy, "alice", "plan-cost-month").await;
    assert!(reserved > 700 && money > 0, "{reserved} {money}");
    drop(response);
    assert_eq!(world.usage(&proxy, 1).await[0]["response_bytes"], json!(0));
    becomes(&world, &proxy, "plan-tokens-day", reserved).await;
    becomes(&world, &proxy, "plan-cost-month", money).await;
}

#[tokio::test]
async fn a_reply_that_breaks_before_its_figures_keeps_the_reservation() {
    let world = World::start().await;
    let proxy = with_budgets(&world, "openai").await;
    // Read whole by the edge, so its head did not go to the client yet.
    world.arm(&json!({"path_prefix": "/openai/v1/responses", "reset_after_bytes": 20})).await;
    let body = json!({"model": "gpt-4.1", "input": "one two three", "max_output_tokens": 700});
    world.post(&proxy, "alice", "/v1/responses", &body).await.expect(502);
    eventually("the reservation stays", || async {
        (used(&world, &proxy, "alice", "plan-tokens-day").await > 700).then_some(())
    })
    .await;
    world.usage(&proxy, 1).await;
    assert!(used(&world, &proxy, "alice", "plan-tokens-day").await > 700);
}

#[tokio::test]
async fn a_provider_that_refuses_has_used_nothing() {
    let world = World::start().await;
    let proxy = with_budgets(&world, "openai").await;
    world.arm(&json!({"path_prefix": "/openai/v1/chat", "status": 500})).await;
    world.post(&proxy, "alice", "/v1/chat/completions", &chat(&json!({"max_tokens": 700}))).await.expect(500);
    becomes(&world, &proxy, "plan-tokens-day", 0).await;
    becomes(&world, &proxy, "plan-cost-month", 0).await;
}

#[tokio::test]
async fn a_run_whose_body_names_no_model_keeps_its_reservation_and_its_polls_add_nothing() {
    let world = World::start().await;
    let proxy = world.openai().await;
    plan_limits(&world, &proxy, &json!([limit("total_tokens", "day", 1_000_000)])).await;
    let beta = async |method: Method, path: &str| {
        world.call(&proxy, "alice", method, path).await.header("openai-beta", "assistants=v2")
    };
    let thread = beta(Method::POST, "/v1/threads").await.json(&json!({})).send().await.expect(200).json();
    becomes(&world, &proxy, "plan-tokens-day", 0).await;
    let runs = format!("/v1/threads/{}/runs", thread["id"].as_str().expect("an id"));
    let run = json!({"assistant_id": "asst_any", "max_completion_tokens": 500});
    let run = beta(Method::POST, &runs).await.json(&run).send().await.expect(200).json();
    assert_eq!(run["usage"], Value::Null);
    eventually("the reservation stays", || async {
        (used(&world, &proxy, "alice", "plan-tokens-day").await >= 500).then_some(())
    })
    .await;
    world.usage(&proxy, 2).await;
    let reserved = used(&world, &proxy, "alice", "plan-tokens-day").await;
    assert!((500..600).contains(&reserved), "{reserved}");
    let path = format!("{runs}/{}", run["id"].as_str().expect("an id"));
    let polled = beta(Method::GET, &path).await.send().await.expect(200).json();
    assert!(polled["usage"].is_object(), "{polled:#}");
    assert_eq!(world.usage(&proxy, 3).await[2]["input_tokens"], Value::Null);
    assert_eq!(used(&world, &proxy, "alice", "plan-tokens-day").await, reserved);
}

#[tokio::test]
async fn a_poll_of_a_finished_answer_counts_and_costs_nothing_again() {
    let world = World::start().await;
    let proxy = with_budgets(&world, "openai").await;
    let body = json!({"model": "gpt-4.1", "input": "one two three"});
    let made = world.post(&proxy, "alice", "/v1/responses", &body).await.expect(200).json();
    becomes(&world, &proxy, "plan-tokens-day", 8).await;
    let money = used(&world, &proxy, "alice", "plan-cost-month").await;
    let path = format!("/v1/responses/{}", made["id"].as_str().expect("an id"));
    for _ in 0..2 {
        let polled = world.get(&proxy, "alice", &path).await.expect(200).json();
        assert_eq!(polled["usage"]["total_tokens"], json!(8), "{polled:#}");
    }
    for event in world.usage(&proxy, 3).await.split_off(1) {
        assert_eq!((&event["input_tokens"], &event["cost_micro_usd"]), (&Value::Null, &Value::Null), "{event:#}");
    }
    assert_eq!(used(&world, &proxy, "alice", "plan-tokens-day").await, 8);
    assert_eq!(used(&world, &proxy, "alice", "plan-cost-month").await, money);
}

#[tokio::test]
async fn a_price_per_request_counts_for_reads_of_an_api_of_ones_own() {
    let world = World::start().await;
    let proxy = world.echo(&[("GET", "/orders")]).await;
    let prices = json!([{"provider": "custom", "model": "*", "input_per_million": 0, "output_per_million": 0, "per_request": 5_000}]);
    app_policy(&world, &proxy, &json!({"prices": prices})).await;
    plan_limits(&world, &proxy, &json!([limit("cost_micro_usd", "month", 10_000)])).await;
    for spent in [5_000, 10_000] {
        world.get(&proxy, "alice", "/orders").await.expect(200);
        becomes(&world, &proxy, "plan-cost-month", spent).await;
    }
    assert_eq!(world.get(&proxy, "alice", "/orders").await.expect(402).code(), "budget_spent");
}
