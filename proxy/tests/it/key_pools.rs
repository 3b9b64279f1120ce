//! Several keys for a proxy: each takes its share, one that the provider turned away rests, the next request uses
//! another, and a fallback proxy takes what touches no object.

use keyward_domain::ids::ProxyId;
use keyward_domain::policy::ProxyPolicy;
use serde_json::{Value, json};

use crate::harness::{MORE_KEYS, PROVIDER_KEY, Seed, Seeded, World, eventually};

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

/// Which keys reached the provider, in order, as the emulator names them.
async fn keys_seen(world: &World) -> Vec<String> {
    let key = |seen: &Value| {
        let sent = seen["headers"]["authorization"].as_str().expect("a key");
        sent.strip_prefix("Bearer ").expect("bearer").to_owned()
    };
    world.seen().await.iter().map(key).collect()
}

async fn with_fallback(world: &World) -> (Seeded, Seeded) {
    let proxy = world.openai().await;
    let fallback = world.sibling(&proxy, MORE_KEYS[0]).await;
    let policy = ProxyPolicy { fallback: Some(ProxyId(fallback.proxy)), ..ProxyPolicy::default() };
    world.change(&format!("UPDATE proxies SET policy = '{}' WHERE id = '{}'", json!(policy), proxy.proxy)).await;
    (proxy, fallback)
}

#[tokio::test]
async fn each_key_takes_its_share_and_a_weightless_one_none() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.add_key(&proxy, MORE_KEYS[0], 3).await;
    world.add_key(&proxy, MORE_KEYS[1], 0).await;
    for _ in 0..100 {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
    }
    let seen = keys_seen(&world).await;
    let count = |name: &str| seen.iter().filter(|key| *key == name).count();
    assert_eq!((seen.len(), count("[key 3]")), (100, 0));
    // 25 are expected of the first; fewer than 6 or more than 50 happen once in a million runs.
    assert!((6..=50).contains(&count("[key]")), "{}", count("[key]"));
    assert_eq!(count("[key]") + count("[key 2]"), 100);
}

#[tokio::test]
async fn a_refused_key_rests_across_changes_and_the_next_request_uses_another() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.arm(&json!({"path_prefix": "/openai", "key": PROVIDER_KEY, "status": 401, "echo_key": true})).await;
    let answer = world.get(&proxy, "alice", "/v1/models").await.expect(502);
    assert_eq!(answer.code(), "upstream_auth_failed", "no request is sent again because of it");
    let answer = world.get(&proxy, "alice", "/v1/models").await.expect(502);
    assert_eq!(answer.code(), "provider_keys_refused");
    assert_eq!(keys_seen(&world).await, ["[key]"], "a key that was refused is not tried with every request");
    // The snapshot changes, the rest stays.
    world.add_key(&proxy, MORE_KEYS[0], 1).await;
    for _ in 0..10 {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
    }
    assert_eq!(keys_seen(&world).await[1..], ["[key 2]"; 10]);
    eventually("the refusal is noted for the dashboard", || async {
        let noted = "SELECT count(*) FROM sealed_keys WHERE last_refused_status = 401 AND last_refused_at IS NOT NULL";
        (world.database.count(noted).await == 1).then_some(())
    })
    .await;
    assert!(world.metric("keyward_edge_key_rests_total").await >= 1.0);
}

#[tokio::test]
async fn a_model_that_the_key_may_not_use_puts_it_to_rest_for_nobody_else() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for status in [401, 403, 429] {
        world
            .arm(&json!({"path_prefix": "/openai", "body_contains": format!("forbidden-{status}"), "status": status}))
            .await;
        let _ = world.post(&proxy, "mallory", "/v1/chat/completions", &chat(&format!("forbidden-{status}"))).await;
        world.post(&proxy, "alice", "/v1/chat/completions", &chat("gpt-4o-mini")).await.expect(200);
    }
    // Providers say 403 of objects and regions as well: a lone key goes on being tried.
    let again = world.post(&proxy, "mallory", "/v1/chat/completions", &chat("forbidden-403")).await.expect(502);
    assert_eq!(again.code(), "upstream_auth_failed");
    let again = world.post(&proxy, "mallory", "/v1/chat/completions", &chat("forbidden-401")).await.expect(502);
    assert_eq!(again.code(), "provider_keys_refused");
}

#[tokio::test]
async fn a_key_with_too_many_calls_rests_and_a_lone_one_is_tried_all_the_same() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let slow = json!({"path_prefix": "/openai", "key": PROVIDER_KEY, "status": 429, "headers": {"retry-after": "60"}});
    world.arm(&slow).await;
    for _ in 0..2 {
        let answer = world.get(&proxy, "alice", "/v1/models").await.expect(429);
        assert_eq!(answer.header("retry-after"), Some("60"), "the provider's own answer is passed on");
    }
    world.add_key(&proxy, MORE_KEYS[0], 1).await;
    for _ in 0..10 {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
    }
}

#[tokio::test]
async fn a_key_wakes_when_its_rest_is_over() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let other = world.add_key(&proxy, MORE_KEYS[0], 0).await;
    let slow = json!({"path_prefix": "/openai", "key": PROVIDER_KEY, "times": 1, "status": 429, "headers": {"retry-after": "1"}});
    world.arm(&slow).await;
    world.get(&proxy, "alice", "/v1/models").await.expect(429);
    world.change(&format!("UPDATE sealed_keys SET weight = 1 WHERE id = '{other}'")).await;
    eventually("the first key serves again", || async {
        world.get(&proxy, "alice", "/v1/models").await.expect(200);
        (keys_seen(&world).await.last().map(String::as_str) == Some("[key]")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_fallback_takes_what_touches_no_object_while_every_key_rests() {
    let world = World::start().await;
    let (proxy, fallback) = with_fallback(&world).await;
    world.arm(&json!({"path_prefix": "/openai", "key": PROVIDER_KEY, "status": 401, "echo_key": true})).await;
    for path in ["/v1/chat/completions", "/v1/responses"] {
        world.post(&proxy, "alice", path, &chat("gpt-4o-mini")).await.expect(502);
    }
    world.forget_seen().await;
    world.arm(&json!({"path_prefix": "/openai", "key": MORE_KEYS[0], "times": 1, "headers": {"content-type": "application/json"}, "body": "{\"key\": \"{key}\"}", "status": 200, "echo_key": true})).await;
    let answer = world.post(&proxy, "alice", "/v1/chat/completions", &chat("gpt-4o-mini")).await.expect(200);
    assert!(!answer.text().contains(MORE_KEYS[0]), "the key that was used is blotted out");
    assert!(answer.text().contains("****"), "{}", answer.text());
    let kept = world.post(&proxy, "alice", "/v1/responses", &json!({"model": "gpt-4o-mini", "input": "hi"})).await;
    assert_eq!(kept.expect(502).code(), "provider_keys_refused", "its response would lie at another account");
    assert_eq!(keys_seen(&world).await, ["[key 2]"]);
    let events = world.usage(&proxy, 4).await;
    assert_eq!(events[2]["status"], 200, "the event is the called proxy's");
    assert_eq!(
        world.database.count(&format!("SELECT count(*) FROM usage_events WHERE proxy_id = '{}'", fallback.proxy)).await,
        0
    );
}

#[tokio::test]
async fn a_fallback_is_of_the_same_app_open_and_allows_the_call_itself() {
    let world = World::start().await;
    let (proxy, fallback) = with_fallback(&world).await;
    let foreign = world.plant(Seed { ..world.seed("openai") }).await;
    world.arm(&json!({"path_prefix": "/openai", "key": PROVIDER_KEY, "status": 401, "times": 1})).await;
    world.post(&proxy, "alice", "/v1/chat/completions", &chat("gpt-4o-mini")).await.expect(502);
    for change in [
        format!("UPDATE proxies SET enabled = false WHERE id = '{}'", fallback.proxy),
        format!("UPDATE proxies SET enabled = true, rules = '[]' WHERE id = '{}'", fallback.proxy),
        format!("UPDATE proxies SET policy = '{{\"fallback\": \"{}\"}}' WHERE id = '{}'", foreign.proxy, proxy.proxy),
        format!("UPDATE proxies SET policy = '{{\"fallback\": \"{0}\"}}' WHERE id = '{0}'", proxy.proxy),
    ] {
        world.change(&change).await;
        world.forget_seen().await;
        let answer = world.post(&proxy, "alice", "/v1/chat/completions", &chat("gpt-4o-mini")).await.expect(502);
        assert_eq!(answer.code(), "provider_keys_refused", "{change}");
        world.assert_unseen().await;
    }
}
