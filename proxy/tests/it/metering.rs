//! Every exit is exactly one usage event, with the provider's own figures and the price of the day.

use crate::harness::World;
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn tokens_and_cost_are_read_in_every_shape() {
    let world = World::start().await;
    let (openai, anthropic, gemini) =
        (world.openai().await, world.plant(world.seed("anthropic")).await, world.plant(world.seed("gemini")).await);
    let chat = |stream: bool| json!({"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": "one two three"}]});
    let response = |stream: bool| json!({"model": "gpt-4.1", "stream": stream, "input": "one two three"});
    let message = |stream: bool| json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": "one two three"}]});
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "one two three"}]}]});
    let embed = json!({"model": "text-embedding-3-small", "input": "one two three"});
    for (proxy, path, body, output) in [
        (&openai, "/v1/chat/completions", chat(false), 5),
        (&openai, "/v1/chat/completions", chat(true), 5),
        (&openai, "/v1/responses", response(false), 5),
        (&openai, "/v1/responses", response(true), 5),
        (&openai, "/v1/embeddings", embed, 0),
        (&anthropic, "/v1/messages", message(false), 5),
        (&anthropic, "/v1/messages", message(true), 5),
        (&gemini, "/v1beta/models/gemini-2.5-flash:generateContent", contents.clone(), 5),
        (&gemini, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", contents.clone(), 5),
        (&gemini, "/v1beta/models/gemini-2.5-flash:streamGenerateContent", contents, 5),
    ] {
        world.forget_usage().await;
        let call =
            world.call(proxy, "alice", Method::POST, path).await.json(&body).header("anthropic-version", "2023-06-01");
        call.send().await.expect(200);
        let event = world.usage(proxy, 1).await.remove(0);
        assert_eq!((&event["input_tokens"], &event["output_tokens"]), (&json!(3), &json!(output)), "{path} {event:#}");
        assert_eq!((&event["outcome"], &event["status"]), (&json!("completed"), &json!(200)));
        assert!(event["cost_micro_usd"].as_u64().is_some_and(|cost| cost > 0), "{path} {event:#}");
        assert!(event["model"].is_string() && event["first_byte_ms"].is_number(), "{path} {event:#}");
        assert!(
            event["endpoint"]
                .as_str()
                .is_some_and(|endpoint| path.starts_with(&endpoint.replace("{model}", "gemini-2.5-flash")))
        );
    }
}

#[tokio::test]
async fn every_exit_is_exactly_one_event() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    world.get(&proxy, "alice", "/nowhere").await.expect(403);
    world.send(world.client.get(world.url(&proxy, "/v1/models"))).await.expect(401);
    world.get(&proxy, "alice", "/v1/files/file-x").await.expect(404);
    world.get(&proxy, "alice", "/v1//models").await.expect(400);
    let unknown = world
        .post(&proxy, "alice", "/v1/embeddings", &json!({"model": "emulator-fault:status=500", "input": "x"}))
        .await;
    unknown.expect(500);
    let events = world.usage(&proxy, 6).await;
    let column = |name: &str| events.iter().map(|event| event[name].clone()).collect::<Vec<Value>>();
    assert_eq!(
        column("code"),
        [
            Value::Null,
            json!("endpoint_not_allowed"),
            json!("token_missing"),
            json!("resource_not_found"),
            json!("bad_path"),
            Value::Null
        ]
    );
    assert_eq!(column("outcome"), ["completed", "rejected", "rejected", "rejected", "rejected", "completed"]);
    assert_eq!(column("status"), [200, 403, 401, 404, 400, 500]);
    assert_eq!(
        column("sub"),
        [json!("alice"), json!("alice"), Value::Null, json!("alice"), Value::Null, json!("alice")]
    );
    assert_eq!(world.database.count("SELECT count(*) FROM app_users WHERE sub = 'alice'").await, 1);
    assert!(world.metric("keyward_edge_requests_total{code=\"token_missing\"").await >= 1.0);
}

#[tokio::test]
async fn a_model_without_a_known_price_costs_nothing_known() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let body = json!({"model": "unheard-of", "messages": [{"role": "user", "content": "hi"}]});
    world.post(&proxy, "alice", "/v1/chat/completions", &body).await.expect(200);
    let event = world.usage(&proxy, 1).await.remove(0);
    assert_eq!((&event["cost_micro_usd"], &event["input_tokens"]), (&Value::Null, &json!(1)));
}

#[tokio::test]
async fn a_batch_that_is_sent_twice_counts_once() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    world.usage(&proxy, 1).await;
    let again = "INSERT INTO usage_events SELECT * FROM usage_events ON CONFLICT (id, occurred_at) DO NOTHING";
    assert_eq!(world.database.execute(again).await, 0);
    assert_eq!(world.database.count("SELECT sum(requests)::bigint FROM usage_hours").await, 1);
}
