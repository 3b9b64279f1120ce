//! One call through whichever edge runs, followed to its end and written into the journal.

use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::Traffic;
use crate::dice::Dice;
use crate::harness::Seeded;
use crate::journal::{Call, Ending, Talk};
use crate::leaks;
use crate::site::Version;

/// Longer than the longest of the edge's times that one call can wait for one after the other: two questions to Postgres
/// of 5 s, connecting 2 s, 4 s to the first byte, and the longest stream of this traffic.
pub const DEADLINE: Duration = Duration::from_secs(35);

pub struct Ask<'a> {
    pub proxy: &'a Seeded,
    pub method: Method,
    pub path: String,
    pub user: &'a str,
    pub model: Option<&'a str>,
    pub body: Payload,
    pub leave: Leave,
    pub metered: bool,
    pub may_break: bool,
    /// Instead of the user's own.
    pub token: Option<String>,
}

pub enum Payload {
    None,
    Json(Value),
    /// A form with one file.
    File(String),
}

#[derive(Clone, Copy, Debug)]
pub enum Leave {
    AtTheEnd,
    AfterChunks(u64),
    /// Reads nothing of the body for so long, then goes.
    Unread(Duration),
}

/// What the client was told.
#[derive(Debug)]
pub struct Told {
    pub status: u16,
    pub body: Vec<u8>,
    pub is_whole: bool,
    /// What the client says of a connection that broke.
    pub broke: Option<String>,
}

impl Told {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl<'a> Ask<'a> {
    pub fn get(proxy: &'a Seeded, path: impl Into<String>, user: &'a str) -> Self {
        let (path, method) = (path.into(), Method::GET);
        Self {
            proxy,
            method,
            path,
            user,
            model: None,
            body: Payload::None,
            leave: Leave::AtTheEnd,
            metered: true,
            may_break: false,
            token: None,
        }
    }
}

impl Traffic {
    /// Nothing where no edge could be reached, or the connection broke before an answer.
    pub async fn call(&self, ask: Ask<'_>, dice: &mut Dice) -> Option<Told> {
        let token = match &ask.token {
            Some(token) => token.clone(),
            None => self.tokens.of(ask.user).await,
        };
        let first = usize::try_from(dice.below(2)).expect("small");
        let version = dice.one_of(&[Version::Http1, Version::Http2]);
        for attempt in 0..40 {
            let node = (first + attempt) % 2;
            let Some(address) = self.site.nodes[node].address() else {
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            let began = Instant::now();
            let url = format!("{}://{address}/{}{}", self.site.nodes[node].door.scheme(), ask.proxy.slug, ask.path);
            let request = dressed(self.clients.of(version).request(ask.method.clone(), url), &ask, &token);
            let (ending, told) = match timeout(DEADLINE, follow(request, ask.leave)).await {
                Ok(Followed::Refused) => continue,
                Ok(Followed::To(ending, told)) => (ending, told),
                Err(_) => (Ending::Hung, None),
            };
            self.note(&ask, (node, version, began), ending, told.as_ref());
            return told.filter(|told| told.status != 0);
        }
        None
    }

    fn note(
        &self,
        ask: &Ask<'_>,
        (node, version, began): (usize, Version, Instant),
        ending: Ending,
        told: Option<&Told>,
    ) {
        if let Some(told) = told
            && let Some(secret) = leaks::in_reply(&told.body)
        {
            self.journal.wrong(format!("{} {} was told {secret}", ask.method, ask.path));
        }
        let reply = told.filter(|told| told.status == 200);
        self.journal.note(Call {
            model: ask.model.map(str::to_owned),
            user: ask.user.to_owned(),
            method: match ask.method {
                Method::GET => "GET",
                Method::DELETE => "DELETE",
                _ => "POST",
            },
            node,
            version,
            began,
            ended: Instant::now(),
            ending,
            // The first word of a stream, and of an answer; an event of the edge's own has neither.
            heard: reply.is_some_and(|told| told.text().contains("w1") || told.text().contains("You said")),
            tokens: reply.filter(|told| told.is_whole).and_then(|told| super::models::told_tokens(&told.text())),
            metered: ask.metered,
            may_break: ask.may_break,
            broke: told.and_then(|told| told.broke.clone()),
            talk: Talk::default(),
        });
    }
}

/// With the token where each provider's SDK puts its key, and what is asked.
fn dressed(request: RequestBuilder, ask: &Ask<'_>, token: &str) -> RequestBuilder {
    let request = match ask.path.as_str() {
        path if path.starts_with("/v1/messages") => {
            request.header("x-api-key", token).header("anthropic-version", "2023-06-01")
        }
        path if path.starts_with("/v1beta") => request.header("x-goog-api-key", token),
        _ => request.bearer_auth(token),
    };
    match &ask.body {
        Payload::None => request,
        Payload::Json(body) => request.json(body),
        Payload::File(content) => {
            let form = format!(
                "--edge\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--edge\r\ncontent-disposition: \
                 form-data; name=\"file\"; filename=\"notes.txt\"\r\ncontent-type: text/plain\r\n\r\n{content}\r\n--edge--\r\n"
            );
            request.header("content-type", "multipart/form-data; boundary=edge").body(form)
        }
    }
}

enum Followed {
    /// No connection: another edge may have one.
    Refused,
    To(Ending, Option<Told>),
}

async fn follow(request: RequestBuilder, leave: Leave) -> Followed {
    let mut response = match request.send().await {
        Ok(response) => response,
        Err(error) if error.is_connect() => return Followed::Refused,
        Err(error) if error.is_timeout() => return Followed::To(Ending::Hung, None),
        Err(error) => {
            let told = Told { status: 0, body: Vec::new(), is_whole: false, broke: Some(causes(&error)) };
            return Followed::To(Ending::Broken, Some(told));
        }
    };
    let mut told = Told { status: response.status().as_u16(), body: Vec::new(), is_whole: false, broke: None };
    let ending = read(&mut response, leave, &mut told).await;
    Followed::To(ending, Some(told))
}

fn causes(error: &reqwest::Error) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said.push_str(&format!(": {error}"));
        cause = error.source();
    }
    said
}

async fn read(response: &mut Response, leave: Leave, told: &mut Told) -> Ending {
    let most = match leave {
        Leave::AtTheEnd => u64::MAX,
        Leave::AfterChunks(chunks) => chunks,
        Leave::Unread(pause) => {
            sleep(pause).await;
            return Ending::Left;
        }
    };
    for _ in 0..most {
        match response.chunk().await {
            Ok(Some(chunk)) => told.body.extend_from_slice(&chunk),
            Ok(None) => {
                told.is_whole = true;
                return Ending::Whole { status: told.status };
            }
            Err(error) if error.is_timeout() => return Ending::Hung,
            Err(error) => {
                told.broke = Some(causes(&error));
                return Ending::Broken;
            }
        }
    }
    Ending::Left
}
