//! How HTTP/2 ends when a client breaks its rules: the connection or the stream, for the reason that RFC 9113 names.

use crate::harness::{Frame, Frames, Seeded, World, field};

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;

const PRIORITY: u8 = 2;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

const BODY: &[u8] = br#"{"model":"m","input":"x"}"#;

fn ended(flags: u8) -> u8 {
    flags | Frame::END_STREAM | Frame::END_HEADERS
}

/// A request that is refused for want of a proxy, and for nothing else.
fn request(flags: u8, stream: u32) -> Frame {
    head(&[(":method", "POST"), (":scheme", "http"), (":authority", "edge"), (":path", "/")], flags, stream)
}

fn head(fields: &[(&str, &str)], flags: u8, stream: u32) -> Frame {
    let block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    Frame::new(Frame::HEADERS, flags, stream, &block)
}

/// A connection on which all settings are agreed.
async fn greeted(world: &World) -> Frames {
    let mut frames = Frames::open(&world.edge.address).await;
    let is_ack = |frame: &Frame| frame.kind == Frame::SETTINGS && frame.flags & 1 != 0;
    assert!(frames.find(is_ack).await.is_some());
    frames
}

/// Why the connection ended; nothing comes behind it.
async fn left_for(mut frames: Frames) -> Option<u32> {
    let reason = frames.find(|frame| frame.kind == Frame::GOAWAY).await.map(|frame| frame.reason());
    assert_eq!(frames.next().await, None, "the last word");
    reason
}

#[tokio::test]
async fn a_connection_ends_for_the_reason_that_the_standard_names() {
    let world = World::start().await;
    let window = |bytes: u32| [&[0, 4][..], &bytes.to_be_bytes()].concat();
    let body = |stream| Frame::new(Frame::DATA, Frame::END_STREAM, stream, b"x");
    for (what, sent, reason) in [
        ("a short ping", vec![Frame::new(PING, 0, 0, &[0; 6])], FRAME_SIZE_ERROR),
        ("a part of a setting", vec![Frame::new(Frame::SETTINGS, 0, 0, &[0; 7])], FRAME_SIZE_ERROR),
        ("settings in an agreement", vec![Frame::new(Frame::SETTINGS, 1, 0, &[0; 6])], FRAME_SIZE_ERROR),
        ("a short window", vec![Frame::new(WINDOW_UPDATE, 0, 0, &[0, 0, 1])], FRAME_SIZE_ERROR),
        ("a short reset", vec![request(ended(0), 1), Frame::new(Frame::RESET, 0, 1, &[0; 3])], FRAME_SIZE_ERROR),
        ("a short priority", vec![Frame::new(PRIORITY, 0, 1, &[0; 4])], FRAME_SIZE_ERROR),
        ("too large a window", vec![Frame::new(Frame::SETTINGS, 0, 0, &window(1 << 31))], FLOW_CONTROL_ERROR),
        ("a body behind the end", vec![request(ended(0), 1), body(1)], STREAM_CLOSED),
        ("a head behind the end", vec![request(ended(0), 1), request(ended(0), 1)], STREAM_CLOSED),
        ("an even number", vec![request(ended(0), 2)], PROTOCOL_ERROR),
        ("a number from before", vec![request(ended(0), 5), request(ended(0), 3)], PROTOCOL_ERROR),
        ("a body between fields", vec![request(Frame::END_STREAM, 1), body(1)], PROTOCOL_ERROR),
        ("a body of nobody's", vec![body(1)], PROTOCOL_ERROR),
    ] {
        let mut frames = greeted(&world).await;
        frames.write(&sent.iter().flat_map(Frame::bytes).collect::<Vec<u8>>()).await;
        assert_eq!(left_for(frames).await, Some(reason), "{what}");
    }
}

#[tokio::test]
async fn a_connection_in_good_use_hears_no_reason() {
    let world = World::start().await;
    let mut frames = greeted(&world).await;
    for stream in (1..200).step_by(2) {
        frames.send(&request(Frame::END_HEADERS, stream)).await;
        frames.send(&Frame::new(Frame::DATA, Frame::END_STREAM, stream, b"x")).await;
        assert_eq!(frames.answer(stream).await.status, 404);
    }
}

#[tokio::test]
async fn a_client_that_pushes_is_cut_off_and_need_not_end_its_promise() {
    let world = World::start().await;
    let promise = [&[0, 0, 0, 2][..], &field(":method", "GET")].concat();
    for flags in [0, Frame::END_HEADERS] {
        let mut frames = greeted(&world).await;
        frames.send(&Frame::new(PUSH_PROMISE, flags, 1, &promise)).await;
        while let Some(frame) = frames.next().await {
            assert!(frame.kind != Frame::GOAWAY || frame.reason() != 0, "not only after a while");
        }
    }
}

/// The status, and why the stream was reset behind the answer.
async fn refused(world: &World, proxy: &Seeded, more: &[(&str, &str)]) -> (u16, Option<u32>) {
    let (token, path) = (world.token("alice").await, format!("/{}/v1/embeddings", proxy.slug));
    let bearer = format!("Bearer {token}");
    let mut fields = vec![(":method", "POST"), (":scheme", "http"), (":authority", "edge"), (":path", &path)];
    fields.extend([("authorization", bearer.as_str()), ("content-type", "application/json")]);
    fields.extend(more);
    let mut frames = greeted(world).await;
    frames.send(&head(&fields, Frame::END_HEADERS, 1)).await;
    frames.send(&Frame::new(Frame::DATA, Frame::END_STREAM, 1, BODY)).await;
    let (answer, reset) = frames.answer_and_reset(1).await;
    (answer.status, reset)
}

#[tokio::test]
async fn a_malformed_request_is_told_why_and_its_stream_is_reset() {
    let world = World::start().await;
    let proxy = world.openai().await;
    for (what, more) in [
        ("another host", [("host", "elsewhere")]),
        ("a blank before a value", [("x-a", " b")]),
        ("a tab behind a value", [("x-a", "b\t")]),
        ("nothing but a blank", [("x-a", " ")]),
    ] {
        assert_eq!(refused(&world, &proxy, &more).await, (400, Some(PROTOCOL_ERROR)), "{what}");
    }
    let mut frames = greeted(&world).await;
    frames.send(&head(&[(":method", "CONNECT")], ended(0), 1)).await;
    let answer = frames.answer(1).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "malformed_head"));
    world.assert_unseen().await;
    for good in [[("host", "EDGE")], [("x-a", "a b")], [("x-a", "")]] {
        assert_eq!(refused(&world, &proxy, &good).await, (200, None), "{good:?}");
    }
}
