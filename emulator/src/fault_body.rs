//! Plays the part of a fault that concerns the body: a late first byte, a trickle, a connection that breaks.

use std::{io, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    response::Response,
};
use bytes::Bytes;
use futures::{StreamExt, stream};

use crate::faults::{Fault, Trickle};

/// hyper drops what it has not written yet when a body fails; this lets the bytes before a reset get out.
const FLUSH_BEFORE_RESET: Duration = Duration::from_millis(20);

pub fn shape(fault: &Fault, response: Response) -> Response {
    if !fault.shapes_body() {
        return response;
    }
    response.map(|body| {
        let shaping = Shaping {
            body: body.into_data_stream(),
            rest: Bytes::new(),
            sent: 0,
            first_byte_delay: Some(Duration::from_millis(fault.first_byte_delay_ms)),
            reset_after: fault.reset_after_bytes,
            trickle: fault.trickle,
            broken: false,
        };
        Body::from_stream(stream::unfold(shaping, |mut shaping| async move {
            let piece = shaping.next().await?;
            Some((piece, shaping))
        }))
    })
}

struct Shaping {
    body: BodyDataStream,
    /// What is left of the last frame.
    rest: Bytes,
    sent: u64,
    first_byte_delay: Option<Duration>,
    reset_after: Option<u64>,
    trickle: Option<Trickle>,
    broken: bool,
}

impl Shaping {
    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        if self.broken {
            return None;
        }
        if let Some(delay) = self.first_byte_delay.take() {
            tokio::time::sleep(delay).await;
        }
        if self.reset_after.is_some_and(|limit| self.sent >= limit) {
            self.broken = true;
            tokio::time::sleep(FLUSH_BEFORE_RESET).await;
            return Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, "a scripted reset")));
        }
        while self.rest.is_empty() {
            match self.body.next().await? {
                Ok(frame) => self.rest = frame,
                Err(error) => return Some(Err(io::Error::other(error))),
            }
        }
        if let Some(trickle) = self.trickle
            && self.sent > 0
        {
            tokio::time::sleep(Duration::from_millis(trickle.every_ms)).await;
        }
        let piece = self.rest.split_to(self.next_length());
        self.sent += piece.len() as u64;
        Some(Ok(piece))
    }

    fn next_length(&self) -> usize {
        let trickled = self.trickle.map_or(usize::MAX, |trickle| trickle.bytes);
        let allowed = self.reset_after.map_or(u64::MAX, |limit| limit - self.sent);
        self.rest.len().min(trickled).min(usize::try_from(allowed).unwrap_or(usize::MAX))
    }
}
