//! Several edges on one Redis (`KEYWARD_TEST_REDIS_URL`): each limit holds for all of them together, and for each alone
//! while Redis is away.

use crate::harness::{Cable, EdgeProcess, Seed, Seeded, World, eventually, limit, redis_url, through};
use futures::future::join_all;
use serde_json::{Value, json};

async fn world(url: &str, more: &[(&str, &str)]) -> World {
    let mut env = vec![("REDIS_URL", url), ("KEYWARD_LOG", "info")];
    env.extend(more);
    World::with(&env).start().await
}

async fn limits(world: &World, proxy: &Seeded, limits: &Value) {
    let policy = json!({"limits": limits});
    world.change(&format!("UPDATE plans SET policy = '{policy}' WHERE app_id = '{}'", proxy.app)).await;
}

fn chat() -> Value {
    json!({"model": "gpt-4o-mini", "max_tokens": 50, "messages": [{"role": "user", "content": "one two three"}]})
}

#[tokio::test]
async fn of_a_thousand_parallel_requests_through_two_edges_exactly_ten_pass() {
    let world = world(&redis_url(), &[]).await;
    let proxy = world.plant(Seed { rate_limit: Some(limit(10)), ..world.seed("openai") }).await;
    let second = EdgeProcess::start(&world.env()).await;
    let token = world.token("alice").await;
    let call = |at: usize| {
        let address = if at.is_multiple_of(2) { &world.edge.address } else { &second.address };
        let request = world.client.get(format!("http://{address}/{}/v1/models", proxy.slug)).bearer_auth(&token);
        world.send(request)
    };
    let answers = join_all((0..1_000).map(call)).await;
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(200), with(429)), (10, 990));
    assert_eq!(world.seen().await.len(), 10);
}

#[tokio::test]
async fn what_one_edge_used_is_used_on_the_other() {
    let world = world(&redis_url(), &[]).await;
    let proxy = world.openai().await;
    let tokens = json!({"measure": "total_tokens", "window": "month", "per": "user", "amount": 1_000});
    limits(&world, &proxy, &json!([tokens])).await;
    let second = EdgeProcess::start(&world.env()).await;
    world.post(&proxy, "alice", "/v1/chat/completions", &chat()).await.expect(200);
    let token = world.token("alice").await;
    eventually("the other edge knows", || async {
        let url = format!("http://{}/{}/_keyward/usage", second.address, proxy.slug);
        let usage = world.send(world.client.get(url).bearer_auth(&token)).await.expect(200).json();
        (usage["limits"][0]["used"] == 8).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_redis_each_edge_lets_its_part_through_and_budgets_wait() {
    let cable = Cable::to(redis_url().trim_start_matches("redis://").trim_end_matches('/').to_owned()).await;
    let settings = [("KEYWARD_EDGE_NODES", "2"), ("KEYWARD_BUDGETS_WITHOUT_COUNTERS_SECS", "0")];
    let world = world(&through(&cable, &redis_url()), &settings).await;
    let proxy = world.openai().await;
    let requests = json!({"measure": "requests", "window": "hour", "per": "user", "amount": 10});
    limits(
        &world,
        &proxy,
        &json!([requests, {"measure": "total_tokens", "window": "day", "per": "user", "amount": 100_000}]),
    )
    .await;
    let get = async |user: &'static str| world.get(&proxy, user, "/v1/models").await.status;
    assert_eq!(get("alice").await, 200);
    cable.cut();
    let statuses = [
        get("alice").await,
        get("alice").await,
        get("alice").await,
        get("alice").await,
        get("alice").await,
        get("alice").await,
    ];
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429], "half of ten, counted anew");
    let refused = world.post(&proxy, "bob", "/v1/chat/completions", &chat()).await.expect(503);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("limits_unavailable", Some("1")));
    world
        .change(&format!("UPDATE apps SET policy = '{{\"without_counters\": \"allow\"}}' WHERE id = '{}'", proxy.app))
        .await;
    world.post(&proxy, "bob", "/v1/chat/completions", &chat()).await.expect(200);
    cable.mend();
    // And what was let through meanwhile is counted there.
    eventually("Redis counts again", || async {
        let usage = world.get(&proxy, "alice", "/_keyward/usage").await;
        (usage.status == 200 && usage.json()["limits"][0]["used"] == 6).then_some(())
    })
    .await;
    eventually("the tokens too", || async {
        let usage = world.get(&proxy, "bob", "/_keyward/usage").await.expect(200).json();
        (usage["limits"][1]["used"] == 8).then_some(())
    })
    .await;
}
