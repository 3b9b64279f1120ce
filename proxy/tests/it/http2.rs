//! HTTP/2 at the edge's door: every guard of HTTP/1.1 holds, and what a library would not send is refused.

use std::time::Duration;

use crate::harness::{Answer, Frame, Frames, Seeded, World, eventually, field, http2_client};
use serde_json::json;
use tokio::time::sleep;

const BODY: &str = r#"{"model":"m","input":"x"}"#;

/// The fields of a good request with a body; the test makes them worse.
async fn fields(world: &World, proxy: &Seeded) -> Vec<(String, String)> {
    let token = world.token("alice").await;
    let path = format!("/{}/v1/embeddings", proxy.slug);
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "edge"),
        (":path", &path),
        ("authorization", &format!("Bearer {token}")),
        ("content-type", "application/json"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn head(fields: &[(String, String)], flags: u8, stream: u32) -> Frame {
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    Frame::new(Frame::HEADERS, flags, stream, &block)
}

async fn ask(world: &World, fields: &[(String, String)], body: &str) -> Answer {
    let mut frames = Frames::open(&world.edge.address).await;
    frames.send(&head(fields, Frame::END_HEADERS, 1)).await;
    frames.send(&Frame::new(Frame::DATA, Frame::END_STREAM, 1, body.as_bytes())).await;
    frames.answer(1).await
}

#[tokio::test]
async fn http_2_is_spoken_with_those_who_begin_with_it() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let client = http2_client();
    let token = world.token("alice").await;
    let answer = client.get(world.url(&proxy, "/v1/models")).bearer_auth(&token).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, http::Version::HTTP_2));
    let chat = json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let request = client.post(world.url(&proxy, "/v1/chat/completions")).bearer_auth(&token).json(&chat);
    assert!(world.send(request).await.expect(200).text().ends_with("data: [DONE]\n\n"));
    let large = json!({"model": "tts-1", "voice": "a", "input": "x", "metadata": {"emulator_bytes": 3_000_000}});
    let request = client.post(world.url(&proxy, "/v1/audio/speech")).bearer_auth(&token).json(&large);
    assert_eq!(world.send(request).await.expect(200).body.len(), 3_000_000, "through many windows");
    assert_eq!(
        ask(&world, &fields(&world, &proxy).await, BODY).await.status,
        200,
        "the requests below are good but for one thing"
    );
    world.usage(&proxy, 4).await;
}

#[tokio::test]
async fn a_request_that_could_be_read_in_two_ways_reaches_nobody() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let good = fields(&world, &proxy).await;
    let with = |name: &str, value: &str| {
        let mut fields = good.clone();
        fields.push((name.to_owned(), value.to_owned()));
        fields
    };
    let instead = |name: &str, value: &str| {
        let mut fields = good.clone();
        fields.iter_mut().filter(|(known, _)| known == name).for_each(|(_, old)| value.clone_into(old));
        fields
    };
    let twice = |name: &str, one: &str, two: &str| {
        let mut fields = with(name, one);
        fields.push((name.to_owned(), two.to_owned()));
        fields
    };
    let elsewhere = format!("http://elsewhere/{}/v1/embeddings", proxy.slug);
    for (what, fields) in [
        ("an encoding of its own", with("transfer-encoding", "chunked")),
        ("a field of the connection's", with("connection", "keep-alive")),
        ("an upgrade", with("upgrade", "h2c")),
        ("too short a length", with("content-length", "5")),
        ("too long a length", with("content-length", "500")),
        ("two lengths", twice("content-length", "25", "5")),
        ("two lengths, the other way round", twice("content-length", "5", "25")),
        ("a length that is no number", with("content-length", "+25")),
        ("a line end in a value", with("x-a", "b\r\nauthorization: c")),
        ("a line end in a name", with("x-a: b\r\nx", "c")),
        ("a name in capitals", with("X-Upper", "a")),
        ("another host", with("host", "elsewhere")),
        ("a pseudo field behind others", with(":path", "/other")),
        ("a pseudo field that is none", with(":proxy", "a")),
        ("a path that is none", instead(":path", "v1/embeddings")),
        ("a path that is an address", instead(":path", &elsewhere)),
        ("a blank in the path", instead(":path", &format!("/{}/v1/embeddings HTTP/1.1\r\nx: y", proxy.slug))),
        ("a method with a line end", instead(":method", "POST / HTTP/1.1\r\n")),
    ] {
        let answer = ask(&world, &fields, BODY).await;
        assert_ne!(answer.status, 200, "{what}: {}", answer.text());
    }
    world.assert_unseen().await;
}

#[tokio::test]
async fn sizes_of_a_head_are_bounded() {
    let world = World::start().await;
    let proxy = world.openai().await;
    let good = fields(&world, &proxy).await;
    let many = (0..70).map(|at| (format!("x-{at}"), "a".to_owned()));
    let answer = ask(&world, &[good.clone(), many.collect()].concat(), BODY).await;
    assert_eq!(answer.code(), "headers_too_large");
    let long = [good.clone(), vec![("x-long".to_owned(), "a".repeat(15_000)); 1]].concat();
    assert_eq!(ask(&world, &long, BODY).await.status, 200, "so much is still taken");
    let mut frames = Frames::open(&world.edge.address).await;
    frames.send(&head(&good, 0, 1)).await;
    let more = field("x-more", &"a".repeat(10_000));
    for _ in 0..100 {
        frames.send(&Frame::new(Frame::CONTINUATION, 0, 1, &more)).await;
    }
    frames.send(&Frame::new(Frame::CONTINUATION, Frame::END_HEADERS, 1, &more)).await;
    assert_ne!(frames.answer(1).await.status, 200);
    assert_eq!(world.seen().await.len(), 1);
}

#[tokio::test]
async fn a_head_that_never_ends_ends_its_connection_even_beside_a_stream_that_is_used() {
    let world = World::with(&[("KEYWARD_HEAD_READ_TIMEOUT_SECS", "1")]).start().await;
    let proxy = world.openai().await;
    let good = fields(&world, &proxy).await;
    let chat = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "100000", "emulator_delay_ms": "20"}});
    let mut streaming = good.clone();
    streaming[3].1 = format!("/{}/v1/chat/completions", proxy.slug);
    let mut frames = Frames::open(&world.edge.address).await;
    frames.send(&head(&streaming, Frame::END_HEADERS, 1)).await;
    frames.send(&Frame::new(Frame::DATA, Frame::END_STREAM, 1, chat.to_string().as_bytes())).await;
    assert!(frames.find(|frame| frame.kind == Frame::DATA).await.is_some(), "it streams");
    frames.send(&head(&good, 0, 3)).await;
    let mut drops = 0;
    // A drop now and then does not help.
    while frames.find(|frame| frame.kind == Frame::DATA).await.is_some() {
        frames.send(&Frame::new(Frame::CONTINUATION, 0, 3, &[])).await;
        drops += 1;
        assert!(drops < 2_000, "it goes on for ever");
    }
    assert_eq!(world.usage(&proxy, 1).await[0]["outcome"], "client_aborted");
}

#[tokio::test]
async fn a_connection_without_a_request_is_left_with_goaway_and_one_in_use_is_not() {
    let world = World::with(&[("KEYWARD_HEAD_READ_TIMEOUT_SECS", "1")]).start().await;
    let proxy = world.openai().await;
    let mut idle = Frames::open(&world.edge.address).await;
    assert_eq!(idle.find(|frame| frame.kind == Frame::GOAWAY).await.map(|frame| frame.reason()), Some(0));
    let mut streaming = fields(&world, &proxy).await;
    streaming[3].1 = format!("/{}/v1/chat/completions", proxy.slug);
    let chat = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}],
        "metadata": {"emulator_chunks": "40", "emulator_delay_ms": "50"}});
    assert!(ask(&world, &streaming, &chat.to_string()).await.text().ends_with("data: [DONE]\n\n"), "two seconds of it");
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_reset_and_its_connection_goes_on() {
    let env = [("KEYWARD_WRITE_STALL_TIMEOUT_SECS", "1"), ("KEYWARD_LOG", "info")];
    let world = World::with(&env).start().await;
    let proxy = world.openai().await;
    let good = fields(&world, &proxy).await;
    let mut large = good.clone();
    large[3].1 = format!("/{}/v1/audio/speech", proxy.slug);
    let body = json!({"model": "tts-1", "voice": "a", "input": "x", "metadata": {"emulator_bytes": 100 << 20}});
    let mut frames = Frames::open(&world.edge.address).await;
    frames.send(&head(&large, Frame::END_HEADERS, 1)).await;
    frames.send(&Frame::new(Frame::DATA, Frame::END_STREAM, 1, body.to_string().as_bytes())).await;
    // No window is ever opened for it.
    assert!(frames.find(|frame| frame.kind == Frame::RESET && frame.stream == 1).await.is_some());
    eventually("the provider sees the abort", || async { (world.seen().await[0]["aborted"] == true).then_some(()) })
        .await;
    // For the connection, as all of it was used up.
    frames.send(&Frame::new(8, 0, 0, &(1_u32 << 20).to_be_bytes())).await;
    frames.send(&head(&good, Frame::END_HEADERS, 3)).await;
    frames.send(&Frame::new(Frame::DATA, Frame::END_STREAM, 3, BODY.as_bytes())).await;
    assert_eq!(frames.answer(3).await.status, 200);
    let events = world.usage(&proxy, 2).await;
    assert!(events.iter().any(|event| event["outcome"] == "client_aborted"), "{events:#?}");
}

#[tokio::test]
async fn so_many_requests_at_once_and_no_more() {
    let world = World::with(&[("KEYWARD_STREAMS_PER_CONNECTION", "2")]).start().await;
    let proxy = world.openai().await;
    let good = fields(&world, &proxy).await;
    let mut frames = Frames::open(&world.edge.address).await;
    // They wait for their bodies.
    for stream in [1, 3, 5] {
        frames.send(&head(&good, Frame::END_HEADERS, stream)).await;
    }
    let reset = frames.find(|frame| frame.kind == Frame::RESET).await.expect("a reset");
    assert_eq!((reset.stream, reset.reason()), (5, 7), "refused, so that it may be sent again");
    frames.send(&Frame::new(Frame::DATA, Frame::END_STREAM, 1, BODY.as_bytes())).await;
    assert_eq!(frames.answer(1).await.status, 200);
}

#[tokio::test]
async fn a_flood_of_requests_that_are_taken_back_ends_its_connection_alone() {
    let world = World::with(&[("KEYWARD_LOG", "info")]).start().await;
    let proxy = world.openai().await;
    let good = fields(&world, &proxy).await;
    let mut frames = Frames::open(&world.edge.address).await;
    let mut flood = Vec::new();
    for stream in (1..20_000).step_by(2) {
        flood.extend(head(&good, Frame::END_HEADERS, stream).bytes());
        flood.extend(Frame::new(Frame::RESET, 0, stream, &8_u32.to_be_bytes()).bytes());
    }
    let (flooded, _) = tokio::join!(
        async {
            frames.write(&flood).await;
            frames.find(|frame| frame.kind == Frame::GOAWAY).await
        },
        async {
            sleep(Duration::ZERO).await;
            world.get(&proxy, "alice", "/v1/models").await.expect(200);
        }
    );
    assert!(flooded.is_none_or(|left| left.reason() == 11), "told to calm down, or cut off");
    world.get(&proxy, "alice", "/v1/models").await.expect(200);
}
