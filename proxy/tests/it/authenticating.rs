//! Tokens: pinned per issuer, checked whole, and cheap to refuse.

use crate::harness::{KEK, Seed, World};
use keyward_domain::ids::{MemberId, ProxyId};
use keyward_identity::test_call;
use keyward_store::sealing::KeyRing;
use serde_json::{Value, json};

#[tokio::test]
async fn a_bad_token_is_refused_with_its_reason() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for (request, code) in [
        (json!({"ttl_secs": -300}), "token_expired"),
        (json!({"claims": {"nbf": 4_000_000_000_u64}}), "token_not_yet_valid"),
        (json!({"claims": {"aud": "another-app"}}), "token_audience_mismatch"),
        (json!({"claims": {"iss": "https://elsewhere.example"}}), "token_issuer_unknown"),
        (json!({"claims": {"sub": null}}), "token_claim_missing"),
        (json!({"claims": {"exp": null}}), "token_claim_missing"),
        (json!({"claims": {"aud": null}}), "token_claim_missing"),
        (json!({"claims": {"sub": 7}}), "token_claim_invalid"),
        (json!({"alg": "none"}), "token_algorithm_refused"),
        (json!({"alg": "HS256"}), "token_algorithm_refused"),
        (json!({"sign_with": "unknown_key"}), "token_signature_invalid"),
        (json!({"kid": "never-published"}), "token_key_unknown"),
        (json!({"shape": "firebase"}), "token_issuer_unknown"),
        (json!({"claims": {"pad": "x".repeat(9_000)}}), "token_too_long"),
    ] {
        let token = world.mint(&request).await;
        let answer = world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(token)).await;
        assert_eq!(answer.expect(401).code(), code, "{request}");
    }
    for token in ["x", "a.b.c", "sk-live-key-of-somebody", "e30.e30."] {
        let answer = world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(token)).await.expect(401);
        assert!(answer.code().starts_with("token_"), "{token}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn firebase_and_supabase_tokens_open_their_own_app_only() {
    let world = World::start().await;
    let firebase = |project: &str| json!({"kind": "firebase", "project_id": project});
    let one = world.plant(Seed { issuers: vec![firebase("project-one")], ..world.seed("openai") }).await;
    let two = world.plant(Seed { issuers: vec![firebase("project-two")], ..world.seed("openai") }).await;
    // All Firebase projects share one set of keys: issuer and audience are the only wall.
    let token = world.mint(&json!({"shape": "firebase", "project": "project-one"})).await;
    let call = |proxy| world.send(world.client.get(world.url(proxy, "/v1/models")).bearer_auth(&token));
    call(&one).await.expect(200);
    world.forget_seen().await;
    assert_eq!(call(&two).await.expect(401).code(), "token_issuer_unknown");
    world.assert_unseen().await;

    let supabase = json!({"kind": "supabase", "issuer": format!("{}/auth/v1", world.emulator)});
    let three = world.plant(Seed { issuers: vec![supabase], ..world.seed("openai") }).await;
    let token = world.mint(&json!({"shape": "supabase", "sub": "s"})).await;
    world.send(world.client.get(world.url(&three, "/v1/models")).bearer_auth(token)).await.expect(200);
    for role in ["anon", "service_role"] {
        let token = world.mint(&json!({"shape": "supabase", "claims": {"role": role}})).await;
        let answer = world.send(world.client.get(world.url(&three, "/v1/models")).bearer_auth(token)).await;
        assert_eq!(answer.expect(401).code(), "token_role_refused", "{role}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_down_with_nothing_cached_is_503() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.arm(&json!({"path_prefix": "/.well-known/jwks.json", "status": 500})).await;
    let answer = world.get(&proxy, "alice", "/v1/models").await.expect(503);
    assert_eq!(answer.code(), "issuer_unavailable");
    assert!(answer.header("retry-after").is_some());
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_flood_of_unknown_key_ids_costs_two_fetches_at_most() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for number in 0..20 {
        let token = world.mint(&json!({"kid": format!("unknown-{number}")})).await;
        let answer = world.send(world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(token)).await;
        assert_eq!(answer.expect(401).code(), "token_key_unknown");
    }
    let hits = world.send(world.client.get(format!("{}/_jwks_hits", world.emulator))).await.json();
    assert!(hits["total"].as_u64().is_some_and(|total| total <= 2), "{hits}");
}

#[tokio::test]
async fn a_cached_token_ends_with_its_issuers_link() {
    let world = World::start().await;
    let proxy = world.openai().await;
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    world
        .change(&format!(
            "UPDATE issuers SET config = jsonb_set(config, '{{audience}}', '\"other\"') WHERE app_id = '{}'",
            proxy.app
        ))
        .await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(401).code(), "token_audience_mismatch");
    world.change(&format!("DELETE FROM issuers WHERE app_id = '{}'", proxy.app)).await;
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(401).code(), "no_issuer");
}

#[tokio::test]
async fn the_dashboards_test_call_opens_its_own_proxy_only() {
    let world = World::start().await;
    let (one, two) = (world.openai().await, world.openai().await);
    let key = KeyRing::from_hex(KEK).expect("hex").test_call_key();
    let now = time::OffsetDateTime::from_unix_timestamp(
        world.database.count("SELECT extract(epoch FROM now())::bigint").await,
    );
    let token = test_call::mint(&key, ProxyId(one.proxy), MemberId(one.app), now.expect("a time"));
    let call = |proxy| world.send(world.client.get(world.url(proxy, "/v1/models")).bearer_auth(&token));
    call(&one).await.expect(200);
    assert_eq!(call(&two).await.expect(401).code(), "token_signature_invalid");
    let forged = test_call::mint(&[7; 32], ProxyId(one.proxy), MemberId(one.app), now.expect("a time"));
    let answer = world.send(world.client.get(world.url(&one, "/v1/models")).bearer_auth(forged)).await;
    assert_eq!(answer.expect(401).code(), "token_signature_invalid");
    let events = world.usage(&one, 2).await;
    assert_eq!(events[0]["sub"], Value::from(format!("dashboard:{}", one.app)));
    assert_eq!(world.database.count("SELECT count(*) FROM app_users").await, 0);
}
