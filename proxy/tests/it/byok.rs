//! App users' own provider keys: stored and used by their owner alone, refused in one way, gone when they are revoked.

use http::Method;
use keyward_domain::policy::{Byok, ProxyPolicy};
use serde_json::{Value, json};

use crate::harness::{Answer, MORE_KEYS, PROVIDER_KEY, Seed, Seeded, World, eventually};

const OWN_KEY: &str = MORE_KEYS[2];
const NEW_KEY: &str = MORE_KEYS[3];

async fn planted(world: &World, byok: Byok) -> Seeded {
    world.plant(Seed { policy: ProxyPolicy { byok, ..ProxyPolicy::default() }, ..world.seed("openai") }).await
}

/// A user's new key; its credential.
async fn stored(world: &World, proxy: &Seeded, user: &str, body: &Value) -> (String, String) {
    let made = world.post(proxy, user, "/_keyward/byok", body).await.expect(201).json();
    let credential = made["credential"].as_str().expect("shown once").to_owned();
    world.keep_secret(credential.rsplit('_').next().expect("a share"));
    (made["id"].as_str().expect("an id").to_owned(), credential)
}

async fn get(world: &World, proxy: &Seeded, user: &str, credential: &str) -> Answer {
    world.call(proxy, user, Method::GET, "/v1/models").await.header("x-keyward-byok", credential).send().await
}

async fn key_seen(world: &World) -> Value {
    world.seen().await.last().expect("a request")["headers"]["authorization"].clone()
}

#[tokio::test]
async fn a_user_stores_a_key_and_calls_with_it_in_either_place() {
    let world = World::start().await;
    let proxy = planted(&world, Byok::Optional).await;
    let (id, credential) = stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    assert_eq!((world.seen().await.len(), key_seen(&world).await), (1, json!("Bearer [key 4]")), "one live test");
    get(&world, &proxy, "alice", &credential).await.expect(200);
    assert_eq!(key_seen(&world).await, "Bearer [key 4]");
    let joined = format!("{}~{credential}", world.token("alice").await);
    let call = world.client.get(world.url(&proxy, "/v1/models")).bearer_auth(joined);
    world.send(call).await.expect(200);
    assert_eq!(key_seen(&world).await, "Bearer [key 4]");
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
    assert_eq!(key_seen(&world).await, "Bearer [key]", "without the credential, the developer's");
    let listed = world.get(&proxy, "alice", "/_keyward/byok").await.expect(200);
    assert_eq!((&listed.json()["keys"][0]["id"], &listed.json()["keys"][0]["hint"]), (&json!(id), &json!("leak")));
    assert!(!listed.text().contains(&credential), "{}", listed.text());
    assert_eq!(world.get(&proxy, "bob", "/_keyward/byok").await.expect(200).json()["keys"], json!([]));
    let events = world.usage(&proxy, 3).await;
    let own = events.iter().filter(|event| !event["byok_key_id"].is_null()).count();
    assert_eq!(own, 2, "{events:#?}");
    let usage = world.get(&proxy, "alice", &format!("/_keyward/byok/{id}/usage")).await.expect(200).json();
    assert_eq!(usage["days"][0]["requests"], 2);
    let foreign = world.get(&proxy, "bob", &format!("/_keyward/byok/{id}/usage")).await.expect(404);
    assert_eq!(foreign.json()["error"]["code"], "resource_not_found");
}

#[tokio::test]
async fn the_database_holds_no_share() {
    let world = World::start().await;
    let proxy = planted(&world, Byok::Optional).await;
    let (_, credential) = stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    let share = credential.rsplit('_').next().expect("a share");
    let dump = world.database.text("SELECT coalesce(json_agg(byok_keys), '[]')::text FROM byok_keys").await;
    assert!(!dump.contains(share) && !dump.contains(OWN_KEY) && !dump.contains(&hex::encode(OWN_KEY)), "{dump}");
    let hashed = format!("SELECT count(*) FROM byok_keys WHERE share_hash = sha256('\\x{share}')");
    assert_eq!(world.database.count(&hashed).await, 1, "its hash is all there is");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_credential_the_answer_is_the_same_and_the_provider_sees_nothing() {
    let world = World::start().await;
    let (proxy, other) = (planted(&world, Byok::Optional).await, planted(&world, Byok::Optional).await);
    let sibling = world.sibling(&proxy, MORE_KEYS[0]).await;
    world.change("UPDATE proxies SET policy = '{\"byok\": \"optional\"}'").await;
    let (id, credential) = stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    let (revoked, gone) = stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    let (expired, over) =
        stored(&world, &proxy, "alice", &json!({"key": OWN_KEY, "expires_at": "2999-01-01T00:00:00Z"})).await;
    get(&world, &proxy, "alice", &over).await.expect(200);
    let path = format!("/_keyward/byok/{revoked}");
    assert_eq!(
        world.call(&proxy, "bob", Method::DELETE, &path).await.send().await.status,
        404,
        "only its owner revokes it"
    );
    assert_eq!(world.call(&proxy, "alice", Method::DELETE, &path).await.send().await.status, 204);
    world.database.execute(&format!("UPDATE byok_keys SET expires_at = now() WHERE id = '{expired}'")).await;
    eventually("it is over", || async { (get(&world, &proxy, "alice", &over).await.status == 401).then_some(()) })
        .await;
    world.forget_seen().await;
    let wrong = format!("kwb_{id}_{}", "0".repeat(64));
    let unknown = format!("kwb_{}_{}", "0".repeat(32), credential.rsplit('_').next().expect("a share"));
    for (what, proxy, user, credential) in [
        ("another user's", &proxy, "bob", &credential),
        ("another proxy's of the app", &sibling, "alice", &credential),
        ("another app's", &other, "alice", &credential),
        ("the wrong share", &proxy, "alice", &wrong),
        ("unknown", &proxy, "alice", &unknown),
        ("revoked", &proxy, "alice", &gone),
        ("expired", &proxy, "alice", &over),
        ("cut", &proxy, "alice", &credential[..50].to_owned()),
    ] {
        let answer = get(&world, proxy, user, credential).await.expect(401);
        let mut body = answer.json();
        body["error"]["request_id"] = Value::Null;
        assert_eq!(body["error"]["code"], "byok_refused", "{what}: {body}");
        let first = json!({"error": {"type": "authentication_error", "code": "byok_refused", "param": null, "request_id": null,
            "message": body["error"]["message"], "doc_url": body["error"]["doc_url"]}});
        assert_eq!(body, first, "{what}");
    }
    world.assert_unseen().await;
    get(&world, &proxy, "alice", &credential).await.expect(200);
    world.change("UPDATE proxies SET base_url = replace(base_url, '127.0.0.1', 'localhost')").await;
    assert_eq!(
        get(&world, &proxy, "alice", &credential).await.expect(401).code(),
        "byok_refused",
        "it was for another host"
    );
}

#[tokio::test]
async fn a_proxy_takes_own_keys_as_its_policy_says() {
    let world = World::start().await;
    let (off, required) = (planted(&world, Byok::Off).await, planted(&world, Byok::Required).await);
    let (_, credential) = stored(&world, &required, "alice", &json!({"key": OWN_KEY})).await;
    world.forget_seen().await;
    assert_eq!(get(&world, &off, "alice", &credential).await.expect(400).code(), "byok_not_allowed");
    assert_eq!(world.get(&required, "alice", "/v1/models").await.expect(403).code(), "byok_required");
    let made = world.post(&off, "alice", "/_keyward/byok", &json!({"key": OWN_KEY})).await.expect(400);
    assert_eq!(made.json()["error"]["code"], "byok_not_allowed");
    world.assert_unseen().await;
    get(&world, &required, "alice", &credential).await.expect(200);
}

#[tokio::test]
async fn share_and_key_are_changed_with_the_present_credential_only() {
    let world = World::start().await;
    let proxy = planted(&world, Byok::Optional).await;
    let (id, credential) = stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    let (share, key) = (format!("/_keyward/byok/{id}/share"), format!("/_keyward/byok/{id}/key"));
    assert_eq!(world.call(&proxy, "alice", Method::POST, &share).await.send().await.status, 403);
    let foreign = world.call(&proxy, "bob", Method::POST, &share).await.header("x-keyward-byok", &credential);
    assert_eq!(foreign.send().await.status, 401);
    let turned = world.call(&proxy, "alice", Method::POST, &share).await.header("x-keyward-byok", &credential);
    let renewed = turned.send().await.expect(200).json()["credential"].as_str().expect("shown once").to_owned();
    world.keep_secret(renewed.rsplit('_').next().expect("a share"));
    assert_eq!(get(&world, &proxy, "alice", &credential).await.expect(401).code(), "byok_refused");
    get(&world, &proxy, "alice", &renewed).await.expect(200);
    let with = |key_text: &'static str| {
        let (world, proxy, key, renewed) = (&world, &proxy, &key, &renewed);
        async move {
            let call = world.call(proxy, "alice", Method::POST, key).await.header("x-keyward-byok", renewed);
            call.json(&json!({"key": key_text})).send().await
        }
    };
    let bad = with("sk-not-a-key-of-the-provider").await.expect(403);
    assert_eq!(bad.json()["error"]["code"], "byok_key_rejected");
    get(&world, &proxy, "alice", &renewed).await.expect(200);
    assert_eq!(key_seen(&world).await, "Bearer [key 4]", "a refused key changes nothing");
    with(NEW_KEY).await.expect(200);
    get(&world, &proxy, "alice", &renewed).await.expect(200);
    assert_eq!(key_seen(&world).await, "Bearer [key 5]");
}

#[tokio::test]
async fn what_the_provider_says_of_a_users_key_is_told_and_the_developers_keys_stay_out_of_it() {
    let world = World::start().await;
    let proxy = planted(&world, Byok::Optional).await;
    let fallback = world.sibling(&proxy, MORE_KEYS[0]).await;
    let (_, credential) = stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    let policy = format!("{{\"byok\": \"optional\", \"fallback\": \"{}\"}}", fallback.proxy);
    world.change(&format!("UPDATE proxies SET policy = '{policy}' WHERE id = '{}'", proxy.proxy)).await;
    world.forget_seen().await;
    world.arm(&json!({"path_prefix": "/openai", "key": OWN_KEY, "times": 3, "status": 401, "echo_key": true})).await;
    for _ in 0..3 {
        let answer = get(&world, &proxy, "alice", &credential).await.expect(403);
        assert_eq!(answer.code(), "byok_key_rejected");
        assert!(!answer.text().contains(&OWN_KEY[..24]), "{}", answer.text());
    }
    get(&world, &proxy, "alice", &credential).await.expect(200);
    assert!(world.seen().await.iter().all(|seen| seen["headers"]["authorization"] == "Bearer [key 4]"));
    let echo = json!({"path_prefix": "/openai", "key": OWN_KEY, "times": 1, "status": 400, "echo_key": true, "body": "bad {key}"});
    world.arm(&echo).await;
    let answer = get(&world, &proxy, "alice", &credential).await.expect(400);
    assert_eq!(answer.text(), format!("bad {}", "*".repeat(OWN_KEY.len())));
    assert_ne!(OWN_KEY, PROVIDER_KEY);
}

#[tokio::test]
async fn what_lies_at_a_users_own_account_is_apart_from_the_developers() {
    let world = World::start().await;
    let proxy = planted(&world, Byok::Optional).await;
    let (_, credential) = stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    let body = json!({"model": "gpt-4o-mini", "input": "hi", "store": true});
    let call = world.call(&proxy, "alice", Method::POST, "/v1/responses").await;
    let made = call.header("x-keyward-byok", &credential).json(&body).send().await.expect(200).json();
    let path = format!("/v1/responses/{}", made["id"].as_str().expect("an id"));
    let own = world.call(&proxy, "alice", Method::GET, &path).await.header("x-keyward-byok", &credential);
    own.send().await.expect(200);
    assert_eq!(world.get(&proxy, "alice", &path).await.expect(404).code(), "resource_not_found");
}

#[tokio::test]
async fn a_revocation_holds_on_every_node_within_seconds_and_an_outage_stops_nobody() {
    let world = World::start().await;
    let proxy = planted(&world, Byok::Optional).await;
    let (_, credential) = stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    get(&world, &proxy, "alice", &credential).await.expect(200);
    world.cable.cut();
    for _ in 0..3 {
        get(&world, &proxy, "alice", &credential).await.expect(200);
    }
    world.cable.mend();
    let began = std::time::Instant::now();
    world.database.execute("UPDATE byok_keys SET revoked_at = now()").await;
    eventually("it is refused", || async {
        (get(&world, &proxy, "alice", &credential).await.status == 401).then_some(())
    })
    .await;
    println!("revoked after {:?}", began.elapsed());
}

#[tokio::test]
async fn self_service_is_bounded_strict_and_open_to_browsers() {
    let world = World::start().await;
    let proxy = planted(&world, Byok::Optional).await;
    for (body, status) in [
        (json!({"key": "short"}), 400),
        (json!({"key": OWN_KEY, "proxy": "another"}), 400),
        (json!({"key": OWN_KEY, "expires_at": "2001-01-01T00:00:00Z"}), 400),
        (json!([OWN_KEY]), 400),
        (json!({"key": "x".repeat(9_000)}), 413),
        (json!({"key": "sk-not-a-key-of-the-provider"}), 403),
    ] {
        let answer = world.post(&proxy, "alice", "/_keyward/byok", &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    for _ in 0..4 {
        stored(&world, &proxy, "alice", &json!({"key": OWN_KEY})).await;
    }
    let answer = world.post(&proxy, "alice", "/_keyward/byok", &json!({"key": OWN_KEY})).await.expect(429);
    assert_eq!(answer.json()["error"]["code"], "byok_too_often");
    assert!(answer.header("retry-after").is_some());
    stored(&world, &proxy, "bob", &json!({"key": OWN_KEY})).await;
    let asked = world.client.request(Method::OPTIONS, world.url(&proxy, "/_keyward/byok"));
    let asked = asked.header("origin", "https://app.example").header("access-control-request-method", "DELETE");
    let allowed = world.send(asked).await.expect(204);
    assert_eq!(allowed.header("access-control-allow-methods"), Some("GET, POST, DELETE"));
    for (method, path) in
        [(Method::GET, "/_keyward"), (Method::PUT, "/_keyward/byok"), (Method::GET, "/_keyward/other")]
    {
        assert_eq!(
            world.call(&proxy, "alice", method, path).await.send().await.expect(403).json()["error"]["code"],
            "endpoint_not_allowed"
        );
    }
}
