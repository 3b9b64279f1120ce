//! What holds for a call's body holds for what is said over a socket; and what ends a call ends a socket.

use keyward_domain::body_rules::{BodyRule, SystemPrompt};
use keyward_domain::ids::{AccountId, AppId, IssuerId};
use keyward_domain::issuer::Subject;
use keyward_domain::limits::{Limit, Measure, Per, Window};
use keyward_domain::policy::ProxyPolicy;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Seed, Seeded, Socket, World, eventually};
use crate::realtime::{LIVE, with_optional};

const REALTIME: &str = "/v1/realtime?model=gpt-realtime";

async fn planted(world: &World, provider: &'static str, policy: ProxyPolicy) -> Seeded {
    world.plant(Seed { policy, ..with_optional(world, provider) }).await
}

fn ruled(rule: BodyRule) -> ProxyPolicy {
    ProxyPolicy { bodies: vec![rule], ..ProxyPolicy::default() }
}

fn limited(measure: Measure, window: Window, amount: u64) -> ProxyPolicy {
    let limit = Limit { measure, window, per: Per::User, model: None, amount };
    ProxyPolicy { limits: vec![limit], ..ProxyPolicy::default() }
}

async fn open(world: &World, proxy: &Seeded) -> Socket {
    let mut socket = world.socket(proxy, "alice", REALTIME).await.expect("open");
    assert_eq!(socket.hear().await["type"], "session.created");
    socket
}

/// What the provider heard of it.
async fn heard(world: &World) -> Value {
    world.sockets().await.last().expect("a socket")["messages"].clone()
}

#[tokio::test]
async fn no_message_says_what_no_body_may() {
    let world = World::start().await;
    let proxy = planted(
        &world,
        "openai",
        ruled(BodyRule {
            models: vec!["gpt-realtime".to_owned()],
            system_prompt: SystemPrompt::Forbidden,
            ..BodyRule::default()
        }),
    )
    .await;
    let refused = world.socket(&proxy, "alice", "/v1/realtime?model=gpt-4o-realtime").await.err().expect("its model");
    assert_eq!(refused.expect(403), "model_not_allowed");
    let update = |session: Value| json!({"type": "session.update", "session": session});
    for (message, code) in [
        (update(json!({"model": "gpt-4o-realtime"})), "model_not_allowed"),
        (update(json!({"instructions": "You are mine."})), "system_prompt_not_allowed"),
        (json!({"type": "response.create", "response": {"instructions": "x"}}), "system_prompt_not_allowed"),
        (update(json!({"prompt": {"id": "pmpt_1"}})), "body_not_checkable"),
    ] {
        let mut socket = open(&world, &proxy).await;
        socket.say(&message).await;
        assert_eq!(socket.end().await.expect(1008), code, "{message}");
        assert_eq!(heard(&world).await, json!([]), "the provider heard nothing of it");
    }
    let mut socket = open(&world, &proxy).await;
    socket.say(&update(json!({"model": "gpt-realtime", "voice": "marin"}))).await;
    assert_eq!(socket.until("session.updated").await["session"]["voice"], "marin");
}

#[tokio::test]
async fn a_rule_that_no_message_can_keep_keeps_the_socket_shut() {
    let world = World::start().await;
    let pinned = BodyRule { system_prompt: SystemPrompt::Pinned("Be kind.".to_owned()), ..BodyRule::default() };
    for rule in [pinned, BodyRule { max_output_tokens: Some(100), ..BodyRule::default() }] {
        let proxy = planted(&world, "openai", ruled(rule)).await;
        let refused = world.socket(&proxy, "alice", REALTIME).await.err().expect("shut");
        assert_eq!(refused.expect(403), "body_not_checkable");
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn the_model_of_the_handshake_stays_and_what_cannot_be_read_does_not_pass() {
    let world = World::with(&[("KEYWARD_SOCKET_MESSAGE_MAX_BYTES", "2000")]).start().await;
    let proxy = planted(&world, "openai", ProxyPolicy::default()).await;
    let other = json!({"type": "session.update", "session": {"model": "gpt-realtime-mini"}}).to_string();
    let twice = r#"{"type": "session.update", "session": {"model": "gpt-realtime"}, "session": {"model": "x"}}"#;
    for (message, close_code, code) in [
        (Message::Text(other.into()), 1008, "model_not_allowed"),
        (Message::Text(twice.into()), 1008, "socket_message_refused"),
        (Message::Text("no JSON".into()), 1008, "socket_message_refused"),
        (Message::Binary(vec![1, 2, 3].into()), 1008, "socket_message_refused"),
        (Message::Text("x".repeat(2_001).into()), 1009, "socket_message_too_large"),
    ] {
        let mut socket = open(&world, &proxy).await;
        socket.send(message).await;
        assert_eq!(socket.end().await.expect(close_code), code);
        assert_eq!(heard(&world).await, json!([]));
    }
}

#[tokio::test]
async fn what_one_user_made_another_cannot_name() {
    let world = World::start().await;
    let proxy = planted(&world, "gemini", ProxyPolicy::default()).await;
    let setup = |resumption: Value| json!({"setup": {"model": "models/gemini-live", "sessionResumption": resumption}});
    let mut alices = world.socket(&proxy, "alice", LIVE).await.expect("open");
    alices.say(&setup(json!({}))).await;
    assert_eq!(alices.hear().await, json!({"setupComplete": {}}));
    let handle = alices.hear().await["sessionResumptionUpdate"]["newHandle"].as_str().expect("a handle").to_owned();
    for (user, is_owner) in [("alice", true), ("bob", false)] {
        let mut socket = world.socket(&proxy, user, LIVE).await.expect("open");
        socket.say(&setup(json!({"handle": handle}))).await;
        match is_owner {
            true => assert_eq!(socket.hear().await, json!({"setupComplete": {}})),
            false => assert_eq!(socket.end().await.expect(1008), "resource_not_found"),
        }
    }
    let mut unnamed = world.socket(&proxy, "alice", LIVE).await.expect("open");
    unnamed.say(&json!({"clientContent": {"turns": []}})).await;
    assert_eq!(unnamed.end().await.expect(1008), "socket_message_refused");
}

#[tokio::test]
async fn geminis_answers_are_metered_by_the_model_that_was_named_first() {
    let world = World::start().await;
    let proxy = planted(&world, "gemini", ProxyPolicy::default()).await;
    let mut socket = world.socket(&proxy, "alice", LIVE).await.expect("open");
    // As its SDKs may send it.
    socket
        .send(Message::Binary(json!({"setup": {"model": "models/gemini-live"}}).to_string().into_bytes().into()))
        .await;
    assert_eq!(socket.hear().await, json!({"setupComplete": {}}));
    for _ in 0..2 {
        socket.say(&json!({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}]}})).await;
        while socket.hear().await["serverContent"]["turnComplete"] != true {}
    }
    socket.close().await;
    let events = world.usage(&proxy, 3).await;
    let sum = |name: &str| events.iter().filter_map(|event| event[name].as_i64()).sum::<i64>();
    assert_eq!([sum("input_tokens"), sum("output_tokens")], [20, 6]);
    assert!(events.iter().all(|event| event["model"] == "models/gemini-live"), "{events:?}");
}

#[tokio::test]
async fn a_socket_has_a_place_among_the_calls_at_once_for_as_long_as_it_is_open() {
    let world = World::start().await;
    let proxy = planted(&world, "openai", limited(Measure::Requests, Window::AtOnce, 1)).await;
    let mut socket = open(&world, &proxy).await;
    let refused = world.socket(&proxy, "alice", REALTIME).await.err().expect("one at once");
    assert_eq!(refused.expect(429), "too_many_at_once");
    assert_eq!(world.get(&proxy, "alice", "/v1/models").await.expect(429).code(), "too_many_at_once");
    world.get(&proxy, "bob", "/v1/models").await.expect(200);
    socket.close().await;
    eventually("its place is free", || async {
        (world.get(&proxy, "alice", "/v1/models").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn tokens_are_reserved_for_each_answer_and_the_socket_closes_when_they_are_spent() {
    let world = World::start().await;
    let proxy = planted(&world, "openai", limited(Measure::TotalTokens, Window::Day, 10_000)).await;
    let mut socket = open(&world, &proxy).await;
    socket.respond(json!({"emulator_chunks": "5", "emulator_input_tokens": "100"})).await;
    let call = world.get(&proxy, "alice", "/v1/models").await.expect(200);
    assert!(call.headers["ratelimit"].to_str().expect("text").contains("r="), "{:?}", call.headers);
    let last = socket.respond(json!({"emulator_chunks": "5", "emulator_input_tokens": "9000"})).await;
    assert_eq!(last["response"]["status"], "completed", "what was paid for is delivered");
    assert_eq!(socket.end().await.expect(1008), "tokens_spent");
    let events = world.usage(&proxy, 4).await;
    let event = events.iter().find(|event| event["method"] == "WEBSOCKET" && event["is_part"] == false);
    let event = event.expect("the socket's end");
    assert_eq!((&event["outcome"], &event["code"]), (&json!("completed"), &json!("tokens_spent")));
    assert_eq!(world.socket(&proxy, "alice", REALTIME).await.err().expect("spent").expect(429), "tokens_spent");
    world.socket(&proxy, "bob", REALTIME).await.expect("his own");
}

#[tokio::test]
async fn money_of_a_model_without_a_price_opens_no_socket() {
    let world = World::start().await;
    let proxy = planted(&world, "openai", limited(Measure::CostMicroUsd, Window::Day, 1_000_000)).await;
    let refused = world.socket(&proxy, "alice", "/v1/realtime?model=gpt-unheard-of").await.err().expect("no price");
    assert_eq!(refused.expect(403), "model_price_unknown");
    world.assert_unseen().await;
}

#[tokio::test]
async fn a_block_closes_the_open_sockets_of_its_user_and_of_nobody_else() {
    let world = World::start().await;
    let proxy = planted(&world, "openai", ProxyPolicy::default()).await;
    let (mut alices, mut bobs) =
        (open(&world, &proxy).await, world.socket(&proxy, "bob", REALTIME).await.expect("open"));
    let id = async |column: &str| {
        let sql = format!("SELECT {column}::text FROM issuers WHERE app_id = '{}'", proxy.app);
        world.database.text(&sql).await.parse().expect("an id")
    };
    let subject = Subject { issuer: IssuerId(id("id").await), sub: "alice".to_owned() };
    let secs = world.database.count("SELECT extract(epoch FROM now())::bigint").await;
    let now = OffsetDateTime::from_unix_timestamp(secs).expect("a time");
    let account = AccountId(id("account_id").await);
    world.database.store().block_app_user(account, AppId(proxy.app), &subject, now).await.expect("blocked");
    assert_eq!(alices.end().await.expect(1008), "access_revoked");
    bobs.respond(json!({})).await;
    let events = world.usage(&proxy, 2).await;
    assert_eq!((&events[0]["code"], &events[1]["is_part"]), (&json!("access_revoked"), &json!(true)), "{events:?}");
}

#[tokio::test]
async fn silence_and_age_close_a_socket_and_pings_are_no_speech() {
    let world =
        World::with(&[("KEYWARD_SOCKET_IDLE_TIMEOUT_SECS", "1"), ("KEYWARD_SOCKET_OPEN_MAX_SECS", "4")]).start().await;
    let proxy = planted(&world, "openai", ProxyPolicy::default()).await;
    let mut silent = open(&world, &proxy).await;
    silent.send(Message::Ping(vec![1].into())).await;
    assert_eq!(silent.end().await.expect(1008), "socket_idle");
    let mut talking = open(&world, &proxy).await;
    let metadata = json!({"emulator_chunks": "1000", "emulator_delay_ms": "50"});
    talking.say(&json!({"type": "response.create", "response": {"metadata": metadata}})).await;
    assert_eq!(talking.end().await.expect(1008), "socket_open_too_long");
    let codes: Vec<Value> = world.usage(&proxy, 2).await.iter().map(|event| event["code"].clone()).collect();
    assert_eq!(codes, ["socket_idle", "socket_open_too_long"]);
}

#[tokio::test]
async fn a_stopping_edge_lets_an_answer_end_and_says_goodbye() {
    let mut world = World::with(&[("KEYWARD_SHUTDOWN_GRACE_SECS", "20")]).start().await;
    let proxy = planted(&world, "openai", ProxyPolicy::default()).await;
    let (mut quiet, mut talking) = (open(&world, &proxy).await, open(&world, &proxy).await);
    let metadata = json!({"emulator_chunks": "20", "emulator_delay_ms": "50"});
    talking.say(&json!({"type": "response.create", "response": {"metadata": metadata}})).await;
    talking.until("response.output_text.delta").await;
    world.edge.process.signal("TERM");
    assert_eq!(quiet.end().await.expect(1001), "shutting_down");
    let done = talking.until("response.done").await;
    assert_eq!(done["response"]["usage"]["output_tokens"], 20);
    assert_eq!(talking.end().await.expect(1001), "shutting_down");
    assert_eq!(world.edge.process.exit_code().await, 0);
    let events = world.usage(&proxy, 3).await;
    let ends: Vec<&Value> = events.iter().filter(|event| event["is_part"] == false).collect();
    assert!(
        ends.len() == 2 && ends.iter().all(|event| event["method"] == "WEBSOCKET" && event["code"] == "shutting_down"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_socket_keeps_its_place_among_the_connections_of_its_address() {
    let world = World::with(&[("KEYWARD_CONNECTIONS_PER_ADDRESS", "2")]).start().await;
    let proxy = planted(&world, "openai", ProxyPolicy::default()).await;
    let (mut first, _second) = (open(&world, &proxy).await, open(&world, &proxy).await);
    let is_let_in = async || {
        let mut third = TcpStream::connect(&world.edge.address).await.expect("the edge listens");
        let sent = third.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let mut answer = Vec::new();
        sent.is_ok() && third.read_to_end(&mut answer).await.is_ok() && !answer.is_empty()
    };
    assert!(!is_let_in().await);
    first.close().await;
    eventually("a place is free", || async { is_let_in().await.then_some(()) }).await;
}
