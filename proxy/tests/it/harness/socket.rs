//! A WebSocket through the edge, as a client has it.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Seeded, World};

const PATIENCE: Duration = Duration::from_secs(20);

pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    pub headers: HeaderMap,
}

/// How the edge answered an upgrade that it refused.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

/// What came last: the close code and its reason, or nothing at all.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    Closed(u16, String),
    Bare,
    Broken,
}

impl World {
    /// With these header fields and no others.
    pub async fn dial(&self, seeded: &Seeded, path: &str, headers: &[(&str, &str)]) -> Result<Socket, Box<Refused>> {
        let stream = TcpStream::connect(&self.edge.address).await.expect("the edge listens");
        let url = format!("ws://{}/{}{path}", self.edge.address, seeded.slug);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            request.headers_mut().append(name, value.parse().expect("a value"));
        }
        let dialed = timeout(PATIENCE, tokio_tungstenite::client_async(request, stream)).await.expect("an answer");
        match dialed {
            Ok((stream, response)) => Ok(Socket { stream, headers: response.headers().clone() }),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err(Box::new(Refused {
                    status: response.status().as_u16(),
                    headers: response.headers().clone(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                }))
            }
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// As a program's SDK does it, for this user.
    pub async fn socket(&self, seeded: &Seeded, user: &str, path: &str) -> Result<Socket, Box<Refused>> {
        let bearer = format!("Bearer {}", self.token(user).await);
        self.dial(seeded, path, &[("authorization", &bearer)]).await
    }

    /// What the emulator heard, oldest first.
    pub async fn sockets(&self) -> Vec<Value> {
        let sockets = self.send(self.client.get(format!("{}/_sockets", self.emulator))).await.json();
        sockets.as_array().expect("a list").clone()
    }
}

impl Socket {
    pub async fn say(&mut self, value: &Value) {
        self.send(Message::Text(value.to_string().into())).await;
    }

    pub async fn send(&mut self, message: Message) {
        timeout(PATIENCE, self.stream.send(message)).await.expect("it is taken").expect("it is open");
    }

    /// The next message, in text or bytes, as JSON.
    pub async fn hear(&mut self) -> Value {
        match self.next().await {
            Ok(message) => serde_json::from_slice(&message.into_data()).expect("JSON"),
            Err(ended) => panic!("it ended: {ended:?}"),
        }
    }

    pub async fn next(&mut self) -> Result<Message, Ended> {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.expect("something comes") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(Ended::Closed(frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Close(None))) => return Err(Ended::Bare),
                Some(Ok(message)) => return Ok(message),
                Some(Err(_)) | None => return Err(Ended::Broken),
            }
        }
    }

    /// Hears until a message of this type comes.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.hear().await;
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Asks for one answer of OpenAI's, and hears it out.
    pub async fn respond(&mut self, metadata: Value) -> Value {
        self.say(&json!({"type": "response.create", "response": {"metadata": metadata}})).await;
        self.until("response.done").await
    }

    /// What came last, whatever came before it.
    pub async fn end(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.next().await {
                return ended;
            }
        }
    }

    pub async fn close(&mut self) -> Ended {
        timeout(PATIENCE, self.stream.send(Message::Close(None))).await.expect("it is taken").expect("it is open");
        self.end().await
    }
}

impl Ended {
    /// The rejection's code at the beginning of the reason.
    #[track_caller]
    pub fn expect(self, close_code: u16) -> String {
        match self {
            Self::Closed(code, reason) if code == close_code => reason.split(':').next().unwrap_or_default().to_owned(),
            other => panic!("not closed with {close_code}: {other:?}"),
        }
    }
}

impl Refused {
    #[track_caller]
    pub fn expect(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        keyward_domain::error_shape::code_in(&self.body).unwrap_or_default()
    }
}
