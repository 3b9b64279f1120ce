//! For whom a limit holds, what is told of it, and what is left of it after a restart.

use crate::harness::{EdgeProcess, Seed, Seeded, World, eventually, raw_call};
use http::Method;
use serde_json::{Value, json};

async fn limits(world: &World, proxy: &Seeded, table: &str, limits: &Value) {
    let id = if table == "apps" { "id" } else { "app_id" };
    let policy = json!({"limits": limits});
    world.change(&format!("UPDATE {table} SET policy = '{policy}' WHERE {id} = '{}'", proxy.app)).await;
}

fn requests(per: &str, window: &str, amount: u64) -> Value {
    json!({"measure": "requests", "window": window, "per": per, "amount": amount})
}

#[tokio::test]
async fn as_many_as_allowed_are_under_way_at_once() {
    let world = World::start().await;
    let proxy = world.openai().await;
    limits(&world, &proxy, "plans", &json!([requests("user", "at_once", 2)])).await;
    let body = json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "3", "emulator_delay_ms": "3600000"}});
    let open =
        async || world.call(&proxy, "alice", Method::POST, "/v1/chat/completions").await.json(&body).open().await;
    let (first, second) = (open().await, open().await);
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 200));
    assert_eq!(first.headers()["ratelimit-policy"], "\"plan-requests-at-once\";q=2;qu=\"concurrent-requests\"");
    let refused = world.get(&proxy, "alice", "/v1/models").await.expect(429);
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("too_many_at_once", Some("1")));
    world.get(&proxy, "bob", "/v1/models").await.expect(200);
    drop(first);
    eventually("a place is free", || async {
        (world.get(&proxy, "alice", "/v1/models").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_all_share_is_told_only_to_whom_it_refuses() {
    let world = World::start().await;
    let proxy = world.openai().await;
    limits(&world, &proxy, "apps", &json!([requests("everyone", "hour", 3), requests("user", "hour", 2)])).await;
    let first = world.get(&proxy, "alice", "/v1/models").await.expect(200);
    assert_eq!(first.header("ratelimit-policy"), Some("\"app-requests-hour\";q=2;w=3600"));
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    assert!(
        world.get(&proxy, "alice", "/v1/models").await.expect(429).text().contains("2 requests per hour for each user")
    );
    let usage = world.get(&proxy, "bob", "/_keyward/usage").await.expect(200).json();
    assert_eq!(usage["limits"].as_array().map(Vec::len), Some(1), "{usage}");
    assert_eq!((&usage["limits"][0]["used"], &usage["limits"][0]["remaining"]), (&json!(0), &json!(2)));
    world.get(&proxy, "bob", "/v1/models").await.expect(200);
    let refused = world.get(&proxy, "bob", "/v1/models").await.expect(429);
    assert_eq!(refused.header("ratelimit-policy"), Some("\"app-requests-hour\";q=3;w=3600"));
    assert!(refused.text().contains("3 requests per hour for the whole app"), "{}", refused.text());
}

#[tokio::test]
async fn anonymous_users_of_one_address_share_its_limit() {
    let world = World::start().await;
    let issuers = vec![json!({"kind": "firebase", "project_id": "project-one"})];
    let proxy = world.plant(Seed { issuers, ..world.seed("openai") }).await;
    world
        .change(&format!(
            "UPDATE issuers SET anonymous_policy = '{{\"kind\": \"as_others\"}}' WHERE app_id = '{}'",
            proxy.app
        ))
        .await;
    limits(&world, &proxy, "apps", &json!([requests("anonymous_address", "day", 2)])).await;
    let mint = |sub: &'static str, anonymous: bool| {
        let request = json!({"shape": "firebase", "project": "project-one", "sub": sub, "anonymous": anonymous});
        let world = &world;
        async move { world.mint(&request).await }
    };
    let call =
        async |token: &str| world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(token)).await;
    for sub in ["one", "two"] {
        call(&mint(sub, true).await).await.expect(200);
    }
    let refused = call(&mint("three", true).await).await.expect(429);
    assert!(refused.text().contains("anonymous users of one address"), "{}", refused.text());
    call(&mint("named", false).await).await.expect(200);
}

#[tokio::test]
async fn a_restart_keeps_the_months_count() {
    let world = World::start().await;
    let proxy = world.openai().await;
    limits(&world, &proxy, "plans", &json!([requests("user", "month", 3), requests("user", "minute", 100)])).await;
    for _ in 0..2 {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
    }
    let count = "SELECT coalesce(max((counter->>'counted')::bigint), 0) FROM limit_counters";
    eventually("the count is written down", || async { (world.database.count(count).await == 2).then_some(()) }).await;
    assert_eq!(world.database.count("SELECT count(*) FROM limit_counters").await, 1, "a minute is not worth it");
    world.edge.process.signal("KILL");
    let next = EdgeProcess::start(&world.env()).await;
    let token = world.token("alice").await;
    let call = async || {
        let url = format!("http://{}/{}/v1/models", next.address, proxy.slug);
        world.send(world.client.get(url).bearer_auth(&token)).await
    };
    eventually("it has read what was counted", || async {
        next.process.output.text().contains("is known again").then_some(())
    })
    .await;
    call().await.expect(200);
    assert_eq!(call().await.expect(429).code(), "rate_limited");
}

#[tokio::test]
async fn a_flood_over_the_limit_has_no_bodies_read() {
    let world = World::start().await;
    let proxy = world.openai().await;
    limits(&world, &proxy, "plans", &json!([requests("user", "hour", 1)])).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    let token = world.token("alice").await;
    // The body never comes: had the edge waited for it, there would be no answer.
    let request = format!(
        "POST /{}/v1/chat/completions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: 100000\r\nConnection: close\r\n\r\n{{",
        proxy.slug, world.edge.address
    );
    let answer = raw_call(&world.edge.address, request.as_bytes()).await;
    assert_eq!(answer.status, 429);
}

#[tokio::test]
async fn a_user_asks_for_its_own_usage_only_so_often_and_costs_no_event() {
    let world = World::start().await;
    let proxy = world.openai().await;
    limits(&world, &proxy, "plans", &json!([requests("user", "day", 10)])).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    world.forget_seen().await;
    let usage = world.get(&proxy, "alice", "/_keyward/usage").await.expect(200).json();
    assert_eq!(usage["plan"]["name"], "Default");
    let limit = &usage["limits"][0];
    assert_eq!((&limit["measure"], &limit["used"], &limit["remaining"]), (&json!("requests"), &json!(1), &json!(9)));
    assert!(limit["resets_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{limit}");
    world.send(world.client.get(world.url(&proxy, "/_keyward/usage"))).await.expect(401);
    world.get(&proxy, "alice", "/_keyward/elsewhere").await.expect(403);
    let mut last = 200;
    for _ in 0..70 {
        last = world.get(&proxy, "alice", "/_keyward/usage").await.status;
    }
    assert_eq!(last, 429);
    world.get(&proxy, "bob", "/_keyward/usage").await.expect(200);
    world.assert_unseen().await;
    // One for the call, one for the caller without a token.
    world.usage(&proxy, 2).await;
}
