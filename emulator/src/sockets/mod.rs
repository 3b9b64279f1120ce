//! The fake providers' WebSockets: their shapes, and a log of what was said over them (`GET /_sockets`).

mod gemini;
mod log;
mod openai;
mod speech;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{
        FromRequestParts, Request, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    response::{IntoResponse, Response},
    routing::{any, get},
};
use http::StatusCode;
use serde_json::Value;

use crate::emulator::Shared;
use log::Said;
pub use log::Sockets;

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/realtime", get(upgrade))
        .route("/gemini/ws/{service}", get(upgrade))
        .route("/elevenlabs/v1/text-to-speech/{voice}/stream-input", get(upgrade))
        .route("/elevenlabs/v1/convai/conversation", get(upgrade))
        .route("/deepgram/v1/listen", get(upgrade))
        .route("/echo/socket", any(upgrade))
        .route("/_sockets", get(list).delete(forget))
}

async fn list(State(emulator): State<Shared>) -> Json<Value> {
    Json(emulator.sockets.list())
}

async fn forget(State(emulator): State<Shared>) -> StatusCode {
    emulator.sockets.clear();
    StatusCode::NO_CONTENT
}

async fn upgrade(State(emulator): State<Shared>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let uri = parts.uri.clone();
    let said = emulator.sockets.open(&uri);
    match WebSocketUpgrade::from_request_parts(&mut parts, &emulator).await {
        Ok(upgrade) => upgrade.protocols(["realtime"]).on_upgrade(async move |socket| {
            let line = Line { socket, said };
            let path = uri.path();
            if path.starts_with("/openai") {
                openai::converse(line, uri.query().unwrap_or_default()).await;
            } else if path.starts_with("/gemini") {
                gemini::converse(line).await;
            } else if path.starts_with("/echo") {
                speech::echo(line).await;
            } else {
                speech::converse(line).await;
            }
        }),
        Err(refusal) => refusal.into_response(),
    }
}

/// One socket, all of whose messages are written down.
struct Line {
    socket: WebSocket,
    said: Said,
}

impl Line {
    /// `None` when the other side is gone or has closed.
    async fn hear(&mut self) -> Option<Message> {
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    self.said.closed(frame.map(|frame| frame.code));
                    return None;
                }
                Some(Ok(message)) => {
                    self.said.heard(message.clone().into_data());
                    return Some(message);
                }
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next message as JSON, in text or in bytes.
    async fn hear_json(&mut self) -> Option<Value> {
        let message = self.hear().await?;
        Some(serde_json::from_slice(&message.into_data()).unwrap_or(Value::Null))
    }

    async fn say(&mut self, value: &Value) -> Option<()> {
        self.socket.send(Message::Text(value.to_string().into())).await.ok()
    }

    async fn say_bytes(&mut self, bytes: Vec<u8>) -> Option<()> {
        self.socket.send(Message::Binary(bytes.into())).await.ok()
    }

    async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code, reason: reason.to_owned().into() };
        let _ = self.socket.send(Message::Close(Some(frame))).await;
        while self.hear().await.is_some() {}
    }
}

/// What a message asks of the emulator, in its `metadata`.
struct Wishes {
    words: u64,
    delay: Duration,
    input_tokens: u64,
    /// Closes with this code in the middle of the answer; 0 breaks the connection.
    close: Option<u16>,
}

impl Wishes {
    fn of(metadata: &Value) -> Self {
        let number = |name: &str| {
            let value = &metadata[name];
            value.as_u64().or_else(|| value.as_str()?.parse().ok())
        };
        Self {
            words: number("emulator_chunks").unwrap_or(3),
            delay: Duration::from_millis(number("emulator_delay_ms").unwrap_or(0)),
            input_tokens: number("emulator_input_tokens").unwrap_or(10),
            close: number("emulator_close").and_then(|code| u16::try_from(code).ok()),
        }
    }

    /// `None` when the answer breaks off here.
    async fn obey(&self, line: &mut Line, word: u64) -> Option<()> {
        tokio::time::sleep(self.delay).await;
        match self.close {
            Some(0) if word == 2 => None,
            Some(code) if word == 2 => {
                line.close(code, "as asked").await;
                None
            }
            _ => Some(()),
        }
    }
}
