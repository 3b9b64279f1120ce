//! WebSockets through the edge: opened by a rule alone, ended with everything that ends a call, metered like one.

use std::time::Instant;

use http::Method;
use keyward_domain::catalogue;
use keyward_domain::rules::EndpointRule;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{EdgeProcess, Ended, Folder, PROVIDER_KEY, Seed, Seeded, Socket, World, eventually};

const REALTIME: &str = "/v1/realtime?model=gpt-realtime";

/// A proxy to which the developer has added what the catalogue offers beside the default.
pub fn with_optional(world: &World, provider: &'static str) -> Seed {
    let known = catalogue::provider(provider).expect("in the catalogue");
    let rules = known.default_rules.iter().chain(&known.optional_rules).cloned().collect();
    Seed { rules: Some(rules), ..world.seed(provider) }
}

async fn open(world: &World, proxy: &Seeded, user: &str) -> Socket {
    let mut socket = world.socket(proxy, user, REALTIME).await.expect("open");
    assert_eq!(socket.hear().await["type"], "session.created");
    socket
}

async fn upstream_is_closed(world: &World) -> Value {
    eventually("the provider's side is closed", || async {
        let sockets = world.sockets().await;
        sockets.iter().all(|socket| socket["open"] == false).then(|| sockets.last().cloned().unwrap_or_default())
    })
    .await
}

#[tokio::test]
async fn what_is_said_passes_both_ways_and_its_answers_are_metered_as_they_are_told() {
    let world = World::start().await;
    let proxy = world.plant(with_optional(&world, "openai")).await;
    let price = json!({"provider": "openai", "model": "*", "input_per_million": 1_000_000,
        "output_per_million": 2_000_000, "per_request": 10});
    let prices = json!({"prices": [price]});
    world.change(&format!("UPDATE apps SET policy = '{prices}' WHERE id = '{}'", proxy.app)).await;
    let mut socket = open(&world, &proxy, "alice").await;
    let first = socket.respond(json!({"emulator_chunks": "3", "emulator_input_tokens": "20"})).await;
    assert_eq!(first["response"]["usage"]["output_tokens"], 3);
    let answered = &world.usage(&proxy, 1).await[0];
    let said = ["method", "endpoint", "outcome", "model"].map(|name| answered[name].as_str().unwrap_or_default());
    assert_eq!(said, ["WEBSOCKET", "/v1/realtime", "completed", "gpt-realtime"]);
    assert_eq!((&answered["is_part"], figures(answered)), (&json!(true), [Some(101), Some(20), Some(3)]));
    assert_eq!(requests(&world).await, 0, "the call is counted when it ends");
    socket.respond(json!({"emulator_chunks": "4", "emulator_input_tokens": "30"})).await;
    socket.close().await;
    let seen = world.seen().await;
    assert_eq!(seen[0]["headers"]["authorization"], "Bearer [key]");
    assert!(seen[0]["headers"].get("sec-websocket-extensions").is_none());
    let events = world.usage(&proxy, 3).await;
    let of = |is_part: bool| events.iter().filter(move |event| event["is_part"] == is_part);
    let end = of(false).next().expect("its end");
    assert_eq!((of(true).count(), figures(end), &end["outcome"]), (2, [Some(101), None, None], &json!("completed")));
    let sum = |name: &str| events.iter().filter_map(|event| event[name].as_i64()).sum::<i64>();
    assert_eq!([sum("input_tokens"), sum("output_tokens")], [50, 7]);
    assert_eq!(sum("cost_micro_usd"), (20 + 2 * 3 + 10) + (30 + 2 * 4 + 10), "a price per call is one per answer");
    assert!(sum("request_bytes") > 100 && sum("response_bytes") > 500, "{events:?}");
    assert!(events.iter().all(|event| event["response_bytes"].as_i64() < Some(2_000)), "no byte twice: {events:?}");
    let summed = "SELECT sum(input_tokens + output_tokens)::bigint FROM usage_hours";
    assert_eq!((requests(&world).await, world.database.count(summed).await), (1, 57));
}

fn figures(event: &Value) -> [Option<i64>; 3] {
    ["status", "input_tokens", "output_tokens"].map(|name| event[name].as_i64())
}

async fn requests(world: &World) -> i64 {
    world.database.count("SELECT sum(requests)::bigint FROM usage_hours").await
}

#[tokio::test]
async fn a_killed_edge_loses_of_an_open_socket_the_answer_under_way_alone() {
    let folder = Folder::fresh();
    let mut world = World::with(&[("KEYWARD_EDGE_DATA_DIR", &folder.text())]).start().await;
    let proxy = world.plant(with_optional(&world, "openai")).await;
    let mut socket = open(&world, &proxy, "alice").await;
    world.cable.cut();
    for _ in 0..3 {
        socket.respond(json!({"emulator_chunks": "3", "emulator_input_tokens": "20"})).await;
    }
    eventually("they are on disk", || async {
        (world.metric("keyward_edge_usage_queue_events").await >= 3.0).then_some(())
    })
    .await;
    world.edge.process.kill().await;
    assert_eq!(socket.end().await, Ended::Broken);
    world.cable.mend();
    world.edge = EdgeProcess::start(&world.env()).await;
    let events = world.usage(&proxy, 3).await;
    assert!(events.iter().all(|event| figures(event) == [Some(101), Some(20), Some(3)]), "{events:?}");
    assert_eq!(requests(&world).await, 0, "nobody saw it end");
}

#[tokio::test]
async fn an_upgrade_without_a_rule_of_its_own_is_refused_and_a_rule_opens_nothing_else() {
    let world = World::start().await;
    let plain = world.openai().await;
    assert_eq!(
        world.socket(&plain, "alice", REALTIME).await.err().expect("no rule").expect(403),
        "endpoint_not_allowed"
    );
    let get = EndpointRule {
        method: "GET".to_owned(),
        template: "/v1/realtime".to_owned(),
        query: vec!["model".to_owned()],
        headers: vec![],
    };
    let by_get = world.plant(Seed { rules: Some(vec![get]), ..world.seed("openai") }).await;
    assert_eq!(
        world.socket(&by_get, "alice", REALTIME).await.err().expect("no rule").expect(403),
        "endpoint_not_allowed"
    );
    let proxy = world.plant(with_optional(&world, "openai")).await;
    world.get(&proxy, "alice", REALTIME).await.expect(403);
    let spelled = Method::from_bytes(b"WEBSOCKET").expect("a method");
    assert_eq!(
        world.call(&proxy, "alice", spelled, REALTIME).await.send().await.expect(403).code(),
        "endpoint_not_allowed"
    );
    let refused = world.socket(&proxy, "alice", "/v1/realtime?model=m&call_id=rtc_1").await.err().expect("its query");
    assert_eq!(refused.expect(400), "query_not_allowed");
    assert_eq!(refused.headers["connection"], "close", "nothing behind it is a request");
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_handshake_that_is_none_is_refused() {
    let world = World::start().await;
    let proxy = world.plant(with_optional(&world, "openai")).await;
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    for (method, version, key) in
        [(Method::POST, "13", key), (Method::GET, "8", key), (Method::GET, "13", "c2hvcnQ="), (Method::GET, "13", "")]
    {
        let call = world.call(&proxy, "alice", method, REALTIME).await.header("connection", "Upgrade");
        let call = call.header("upgrade", "websocket").header("sec-websocket-version", version);
        let answer = call.header("sec-websocket-key", key).send().await.expect(400);
        assert_eq!(answer.code(), "bad_upgrade", "{version} {key}");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_token_comes_by_every_way_that_the_providers_sdks_know_and_goes_no_further() {
    let world = World::start().await;
    let token = world.token("alice").await;
    let openai = world.plant(with_optional(&world, "openai")).await;
    let protocols = format!("realtime, openai-insecure-api-key.{token}, openai-beta.realtime-v1");
    let socket = world.dial(&openai, REALTIME, &[("sec-websocket-protocol", &protocols)]).await.expect("open");
    assert_eq!(socket.headers["sec-websocket-protocol"], "realtime");
    let deepgram = world.plant(with_optional(&world, "deepgram")).await;
    let protocols = format!("token, {token}");
    let path = "/v1/listen?model=nova-3";
    let socket = world.dial(&deepgram, path, &[("sec-websocket-protocol", &protocols)]).await.expect("open");
    assert_eq!(socket.headers["sec-websocket-protocol"], "token");
    let gemini = world.plant(with_optional(&world, "gemini")).await;
    world.dial(&gemini, &format!("{LIVE}?key={token}"), &[]).await.expect("open");
    let elevenlabs = world.plant(with_optional(&world, "elevenlabs")).await;
    let path = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream-input?model_id=eleven_flash_v2_5";
    let fault = json!({"path_prefix": "/elevenlabs/v1/voices", "method": "GET", "status": 200, "body": {"category": "premade"}});
    world.arm(&fault).await;
    let mut socket = world.dial(&elevenlabs, path, &[("xi-api-key", &token)]).await.expect("open");
    socket.say(&json!({"text": "Hello ", "xi_api_key": token})).await;
    assert_eq!(socket.hear().await["isFinal"], false);
    for seen in world.seen().await.iter().filter(|seen| seen["method"] == "GET") {
        let text = seen.to_string();
        assert!(!text.contains(&token) && !text.contains("eyJ") && seen["status"].as_u64() < Some(300), "{seen}");
    }
    let heard = world.sockets().await;
    assert_eq!(heard.last().expect("one")["messages"], json!([{"text": "Hello "}]), "without the credential in it");
    let two = [("authorization", "Bearer x"), ("sec-websocket-protocol", "openai-insecure-api-key.y")];
    assert_eq!(world.dial(&openai, REALTIME, &two).await.err().expect("two").expect(400), "token_conflict");
    assert_eq!(world.dial(&openai, REALTIME, &[]).await.err().expect("none").expect(401), "token_missing");
}

pub const LIVE: &str = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";

#[tokio::test]
async fn a_page_of_a_strange_origin_opens_no_socket() {
    let world = World::start().await;
    let seed = Seed { origins: vec!["https://app.example.com".to_owned()], ..with_optional(&world, "openai") };
    let proxy = world.plant(seed).await;
    let bearer = format!("Bearer {}", world.token("alice").await);
    let from = |origin: &'static str| [("authorization", bearer.clone()), ("origin", origin.to_owned())];
    for (origin, is_open) in [("https://evil.example", false), ("null", false), ("https://app.example.com", true)] {
        let headers = from(origin);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match world.dial(&proxy, REALTIME, &headers).await {
            Ok(_) => assert!(is_open, "{origin}"),
            Err(refused) => assert_eq!((refused.expect(403), is_open), ("origin_not_allowed", false), "{origin}"),
        }
    }
    assert_eq!(world.seen().await.len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_takes_the_providers_side_with_it_within_a_second() {
    let world = World::start().await;
    let proxy = world.plant(with_optional(&world, "openai")).await;
    let mut socket = open(&world, &proxy, "alice").await;
    let metadata = json!({"emulator_chunks": "1000", "emulator_delay_ms": "20"});
    socket.say(&json!({"type": "response.create", "response": {"metadata": metadata}})).await;
    for _ in 0..5 {
        socket.until("response.output_text.delta").await;
    }
    drop(socket);
    let left = Instant::now();
    upstream_is_closed(&world).await;
    assert!(left.elapsed().as_millis() < 2_000, "{:?}", left.elapsed());
    let event = &world.usage(&proxy, 1).await[0];
    assert_eq!(event["outcome"], "client_aborted");
    assert!(event["estimated"] == true && event["output_tokens"].as_i64() > Some(0), "never zero: {event}");
}

#[tokio::test]
async fn the_providers_end_is_the_clients_too() {
    let world = World::start().await;
    let proxy = world.plant(with_optional(&world, "openai")).await;
    for (asked, close_code, reason, outcome) in [
        ("4000", 4000, "as asked", "completed"),
        ("1011", 1011, "as asked", "upstream_failed"),
        ("0", 1011, "upstream_broke", "upstream_failed"),
    ] {
        world.forget_usage().await;
        let mut socket = open(&world, &proxy, "alice").await;
        let response = json!({"metadata": {"emulator_close": asked}});
        socket.say(&json!({"type": "response.create", "response": response})).await;
        assert_eq!(socket.end().await.expect(close_code), reason);
        assert_eq!(world.usage(&proxy, 1).await[0]["outcome"], outcome, "{asked}");
    }
    let mut socket = open(&world, &proxy, "alice").await;
    socket.close().await;
    upstream_is_closed(&world).await;
}

#[tokio::test]
async fn a_refusal_of_the_providers_is_passed_on_and_opens_nothing() {
    let world = World::start().await;
    let proxy = world.plant(with_optional(&world, "openai")).await;
    world.arm(&json!({"path_prefix": "/openai/v1/realtime", "status": 404, "times": 1})).await;
    assert_eq!(world.socket(&proxy, "alice", REALTIME).await.err().expect("refused").status, 404);
    world.arm(&json!({"path_prefix": "/openai/v1/realtime", "status": 200, "body": {"x": 1}, "times": 1})).await;
    assert_eq!(world.socket(&proxy, "alice", REALTIME).await.err().expect("no upgrade").status, 200);
    // The last: its key then rests.
    world.arm(&json!({"path_prefix": "/openai/v1/realtime", "status": 401, "echo_key": true, "times": 1})).await;
    let refused = world.socket(&proxy, "alice", REALTIME).await.err().expect("refused");
    assert_eq!(refused.expect(502), "upstream_auth_failed");
}

#[tokio::test]
async fn sound_passes_as_it_is_and_the_key_never_comes_back() {
    let world = World::start().await;
    let deepgram = world.plant(with_optional(&world, "deepgram")).await;
    let mut socket = world.socket(&deepgram, "alice", "/v1/listen?model=nova-3").await.expect("open");
    socket.send(Message::Binary(vec![7; 3_000].into())).await;
    let heard = socket.hear().await;
    assert_eq!(heard["channel"]["alternatives"][0]["transcript"], "You sent 3000 bytes.");
    socket.say(&json!({"type": "CloseStream"})).await;
    assert_eq!(socket.until("Metadata").await["type"], "Metadata");
    assert_eq!(socket.end().await.expect(1000), "");
    let event = &world.usage(&deepgram, 1).await[0];
    assert_eq!((&event["outcome"], &event["input_tokens"]), (&json!("completed"), &Value::Null));
    let echo = world.echo(&[("WEBSOCKET", "/socket")]).await;
    let mut socket = world.socket(&echo, "alice", "/socket").await.expect("open");
    socket.say(&json!({"note": format!("is {PROVIDER_KEY} yours?")})).await;
    assert_eq!(socket.hear().await["note"], format!("is {} yours?", "*".repeat(PROVIDER_KEY.len())));
    socket.send(Message::Binary(vec![1, 2, 3].into())).await;
    assert_eq!(socket.next().await, Ok(Message::Binary(vec![1, 2, 3].into())));
}
