//! Firebase App Check: off, observed or enforced, and never passed on.

use crate::harness::{Answer, KEK, Seeded, World};
use http::Method;
use keyward_domain::ids::{AccountId, AppId, MemberId, ProxyId};
use keyward_identity::test_call;
use keyward_store::app_check::AppCheckCounts;
use keyward_store::sealing::KeyRing;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

const HEADER: &str = "x-firebase-appcheck";

async fn set_mode(world: &World, proxy: &Seeded, mode: &str, app_ids: &[&str]) {
    let policy = json!({"app_check": {"mode": mode, "project_number": "1234567890", "app_ids": app_ids}});
    world.change(&format!("UPDATE apps SET policy = '{policy}' WHERE id = '{}'", proxy.app)).await;
}

async fn app_check_token(world: &World, changes: Value) -> String {
    let mut request = json!({"shape": "app_check", "project": "1234567890", "sub": "1:1234567890:ios:abc"});
    for (name, value) in changes.as_object().expect("an object") {
        request[name] = value.clone();
    }
    world.mint(&request).await
}

async fn call(world: &World, proxy: &Seeded, token: Option<&str>) -> Answer {
    let call = world.call(proxy, "alice", Method::GET, "/v1/models").await;
    match token {
        Some(token) => call.header(HEADER, token).send().await,
        None => call.send().await,
    }
}

#[tokio::test]
async fn enforced_only_a_genuine_app_passes() {
    let world = World::start().await;
    let proxy = world.openai().await;
    set_mode(&world, &proxy, "enforce", &[]).await;
    assert_eq!(call(&world, &proxy, None).await.expect(401).code(), "app_check_missing");
    for changes in [
        json!({"project": "999"}),
        json!({"ttl_secs": -300}),
        json!({"claims": {"aud": ["projects/999"]}}),
        json!({"claims": {"sub": null}}),
        json!({"alg": "ES256"}),
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"sign_with": "unknown_key"}),
        json!({"kid": "never-published"}),
        json!({"shape": "firebase"}),
    ] {
        let token = app_check_token(&world, changes.clone()).await;
        let answer = call(&world, &proxy, Some(&token)).await;
        assert_eq!(answer.expect(401).code(), "app_check_failed", "{changes}");
    }
    // The user's own token proves nothing of the app.
    let token = world.token("alice").await;
    assert_eq!(call(&world, &proxy, Some(&token)).await.expect(401).code(), "app_check_failed");
    world.assert_unseen().await;
    let token = app_check_token(&world, json!({})).await;
    for _ in 0..2 {
        call(&world, &proxy, Some(&token)).await.expect(200);
    }
    assert!(world.seen().await.iter().all(|seen| seen["headers"][HEADER].is_null()), "it never travels on");
    set_mode(&world, &proxy, "enforce", &["1:1234567890:android:abc"]).await;
    assert_eq!(call(&world, &proxy, Some(&token)).await.expect(401).code(), "app_check_failed", "though cached");
    set_mode(&world, &proxy, "enforce", &["1:1234567890:ios:abc"]).await;
    call(&world, &proxy, Some(&token)).await.expect(200);
}

#[tokio::test]
async fn an_sdk_that_cannot_add_a_field_joins_it_to_the_token() {
    let world = World::start().await;
    let proxy = world.openai().await;
    set_mode(&world, &proxy, "enforce", &[]).await;
    let (token, proof) = (world.token("alice").await, app_check_token(&world, json!({})).await);
    let send =
        |credential: String| world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(credential));
    send(format!("{token}~{proof}")).await.expect(200);
    assert_eq!(send(format!("{token}~")).await.expect(401).code(), "app_check_missing");
    assert_eq!(send(format!("{token}~{proof}~{token}")).await.expect(400).code(), "token_conflict");
    let seen = world.seen().await;
    assert!(seen.len() == 1 && !seen[0].to_string().contains(&proof));
}

#[tokio::test]
async fn observed_every_call_passes_and_is_counted() {
    let world = World::start().await;
    let proxy = world.openai().await;
    call(&world, &proxy, None).await.expect(200);
    set_mode(&world, &proxy, "observe", &[]).await;
    let good = app_check_token(&world, json!({})).await;
    for token in [None, Some("nonsense"), Some(good.as_str()), Some(good.as_str())] {
        call(&world, &proxy, token).await.expect(200);
    }
    let events = world.usage(&proxy, 5).await;
    let outcomes: Vec<&Value> = events.iter().map(|event| &event["app_check"]).collect();
    assert_eq!(outcomes, [&Value::Null, &json!("missing"), &json!("failed"), &json!("passed"), &json!("passed")]);
    let account: Uuid = events[0]["account_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let counts = world.database.store().app_check_counts(
        AccountId(account),
        AppId(proxy.app),
        OffsetDateTime::UNIX_EPOCH,
        OffsetDateTime::from_unix_timestamp(4_000_000_000).expect("a time"),
    );
    assert_eq!(counts.await.expect("read"), AppCheckCounts { passed: 2, failed: 1, missing: 1 });
    assert_eq!(world.metric("keyward_edge_app_checks_total").await, 4.0);
}

#[tokio::test]
async fn without_keys_enforcing_is_503_and_observing_lets_through() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.arm(&json!({"path_prefix": "/v1/jwks", "status": 500})).await;
    let token = app_check_token(&world, json!({})).await;
    set_mode(&world, &proxy, "enforce", &[]).await;
    let answer = call(&world, &proxy, Some(&token)).await.expect(503);
    assert_eq!(answer.code(), "app_check_unavailable");
    assert!(answer.header("retry-after").is_some());
    world.assert_unseen().await;
    set_mode(&world, &proxy, "observe", &[]).await;
    call(&world, &proxy, Some(&token)).await.expect(200);
}

#[tokio::test]
async fn the_dashboards_test_call_needs_no_app() {
    let world = World::start().await;
    let proxy = world.openai().await;
    set_mode(&world, &proxy, "enforce", &[]).await;
    let now = world.database.count("SELECT extract(epoch FROM now())::bigint").await;
    let now = OffsetDateTime::from_unix_timestamp(now).expect("a time");
    let key = KeyRing::from_hex(KEK).expect("hex").test_call_key();
    let token = test_call::mint(&key, ProxyId(proxy.proxy), MemberId(proxy.app), now);
    world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(token)).await.expect(200);
}
