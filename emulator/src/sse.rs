//! Server-sent events: framing, and answers that emit one event at a time.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use http::header;
use serde::Serialize;

pub const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// `data: {json}`
pub fn data(event: &impl Serialize) -> Bytes {
    frame(String::from("data: "), event)
}

/// `event: {name}` and `data: {json}`
pub fn named(name: &str, event: &impl Serialize) -> Bytes {
    frame(format!("event: {name}\ndata: "), event)
}

fn frame(prefix: String, event: &impl Serialize) -> Bytes {
    let mut buffer = write_json(prefix, event);
    buffer.extend_from_slice(b"\n\n");
    buffer.into()
}

fn write_json(prefix: String, event: &impl Serialize) -> Vec<u8> {
    let mut buffer = prefix.into_bytes();
    buffer.reserve(384);
    serde_json::to_writer(&mut buffer, event).expect("our own events have string keys and no failing parts");
    buffer
}

pub fn answer(events: impl Iterator<Item = Bytes> + Send + 'static, delay: Option<Duration>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, paced(events, delay)).into_response()
}

/// One frame for each piece; with a delay between two pieces, if one is asked for.
pub fn paced(pieces: impl Iterator<Item = Bytes> + Send + 'static, delay: Option<Duration>) -> Body {
    let Some(delay) = delay else {
        return Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)));
    };
    Body::from_stream(stream::unfold((pieces, Duration::ZERO), move |(mut pieces, wait)| async move {
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let piece = pieces.next()?;
        Some((Ok::<_, Infallible>(piece), (pieces, delay)))
    }))
}

/// An element of a JSON array that is sent bit by bit, after its bracket or comma.
pub fn element(separator: &str, element: &impl Serialize) -> Bytes {
    write_json(separator.to_owned(), element).into()
}
