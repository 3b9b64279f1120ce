//! Users who talk over a WebSocket for a while: some close it, some vanish in the middle of an answer, and what breaks finds
//! many open.

use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{DEADLINE, Traffic};
use crate::dice::Dice;
use crate::harness::Seeded;
use crate::journal::{Answered, Call, Ending, Talk};
use crate::leaks::{self, PROMPT};
use crate::site::{Line, Version};

/// What is to be talked about.
struct Topic {
    /// For each answer its tokens: of the question, as the provider is to count them, and of the answer.
    answers: Vec<(i64, i64)>,
    delay_ms: u64,
    pause: Duration,
    parting: Parting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    Close,
    /// In the middle of the last answer.
    Vanish,
    /// The provider breaks off in the middle of the last answer.
    ProviderBreaks,
}

/// One conversation, as its client has it.
#[derive(Default)]
struct Heard {
    talk: Talk,
    any_word: bool,
    broke: Option<String>,
    leak: Option<&'static str>,
}

enum Opened {
    To(Box<WebSocketStream<Box<dyn Line>>>),
    Refused {
        status: u16,
        text: String,
    },
    /// Another edge may be there.
    Nobody,
    Broke(String),
}

impl Traffic {
    /// At a proxy without limits: nothing is an excuse for refusing it, or for closing it.
    pub async fn talk(&self, dice: &mut Dice) {
        let user = format!("talker{}{}", dice.below(20), self.ending);
        let partings = [Parting::Close, Parting::Close, Parting::Vanish, Parting::ProviderBreaks];
        let answers =
            (0..dice.between(1, 4)).map(|_| (small(dice.between(5, 50)), small(dice.between(3, 25)))).collect();
        let topic = Topic {
            answers,
            delay_ms: dice.between(0, 20),
            pause: Duration::from_millis(dice.between(0, 400)),
            parting: dice.one_of(&partings),
        };
        let (status, said) = self.converse(&self.site.proxies.realtime, &user, topic, dice).await;
        if ![0, 101].contains(&status) || said.contains("1008") {
            self.journal.late(format!("a socket was refused with {status}: {said}"));
        }
    }

    /// Until their money is spent, and then once more.
    pub async fn talk_for_money(&self, user: &str, dice: &mut Dice) {
        let answers = vec![(1_500, 3); 3];
        let topic = Topic { answers, delay_ms: 1, pause: Duration::ZERO, parting: Parting::Close };
        let (status, said) = self.converse(&self.site.proxies.realtime_paying, user, topic, dice).await;
        if ![0, 101, 402, 429].contains(&status) {
            self.journal.late(format!("a socket with a limit was refused with {status}: {said}"));
        }
    }

    /// How the upgrade was answered, 0 for not at all; and what was said of an end that was not the client's.
    async fn converse(&self, proxy: &Seeded, user: &str, topic: Topic, dice: &mut Dice) -> (u16, String) {
        let (model, token) = (self.model(), self.token_of(user).await);
        let path = format!("/{}/v1/realtime?model={model}", proxy.slug);
        let first = usize::try_from(dice.below(2)).expect("small");
        for attempt in 0..40 {
            let node = (first + attempt) % 2;
            let Some(address) = self.site.nodes[node].address() else {
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (began, mut heard) = (Instant::now(), Heard::default());
            let talking = async {
                match self.open(node, &address, &path, &token).await {
                    Opened::Nobody => None,
                    Opened::Refused { status, text } => {
                        heard.broke = Some(text);
                        Some((status, Ending::Whole { status }))
                    }
                    Opened::Broke(said) => Some((0, heard.broke(said))),
                    Opened::To(mut socket) => Some((101, heard.out(&mut socket, &topic).await)),
                }
            };
            let (status, ending) = match timeout(DEADLINE, talking).await {
                Ok(None) => continue,
                Ok(Some(ended)) => ended,
                Err(_) => (0, Ending::Hung),
            };
            let said = heard.broke.clone().unwrap_or_default();
            let may_break = topic.parting == Parting::ProviderBreaks;
            self.note_socket(Call { may_break, ..heard.call((model, user), (node, began), ending) }, heard.leak);
            return (status, said);
        }
        (0, String::new())
    }

    fn note_socket(&self, call: Call, leak: Option<&'static str>) {
        if let Some(secret) = leak {
            self.journal.wrong(format!("{} was told {secret} over a socket", call.user));
        }
        self.journal.note(call);
    }

    async fn open(&self, node: usize, address: &str, path: &str, token: &str) -> Opened {
        let Ok(line) = self.clients.connect(self.site.nodes[node].door, address).await else { return Opened::Nobody };
        let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
        let bearer = format!("Bearer {token}").parse().expect("a value");
        request.headers_mut().insert("authorization", bearer);
        match tokio_tungstenite::client_async(request, line).await {
            Ok((socket, _)) => Opened::To(Box::new(socket)),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                let text = String::from_utf8_lossy(&body).into_owned();
                Opened::Refused { status: response.status().as_u16(), text }
            }
            Err(error) => Opened::Broke(error.to_string()),
        }
    }
}

impl Heard {
    async fn out(&mut self, socket: &mut WebSocketStream<Box<dyn Line>>, topic: &Topic) -> Ending {
        let last = topic.answers.len() - 1;
        for (at, &(input, output)) in topic.answers.iter().enumerate() {
            let mut metadata = json!({"emulator_chunks": output.to_string(), "emulator_input_tokens": input.to_string(),
                "emulator_delay_ms": topic.delay_ms.to_string(), "note": PROMPT});
            if at == last && topic.parting == Parting::ProviderBreaks {
                metadata["emulator_close"] = json!("0");
            }
            let asked = json!({"type": "response.create", "response": {"metadata": metadata}});
            self.talk.asked = (self.talk.asked.0 + input, self.talk.asked.1 + output);
            if let Err(error) = socket.send(Message::Text(asked.to_string().into())).await {
                return self.broke(format!("{error}"));
            }
            let is_left = at == last && topic.parting == Parting::Vanish;
            match self.answer(socket, is_left).await {
                Ok(Some(tokens)) => self.talk.answers.push(Answered { at: Instant::now(), tokens }),
                Ok(None) => return Ending::Left,
                Err(ending) => return ending,
            }
            sleep(topic.pause).await;
        }
        if let Err(error) = socket.send(Message::Close(None)).await {
            return self.broke(format!("{error}"));
        }
        while let Some(Ok(message)) = socket.next().await {
            if matches!(message, Message::Close(_)) {
                return Ending::Whole { status: 101 };
            }
        }
        self.broke("it ended without a goodbye".to_owned())
    }

    /// What the answer used; nothing where it is left after its second word.
    async fn answer(
        &mut self,
        socket: &mut WebSocketStream<Box<dyn Line>>,
        is_left: bool,
    ) -> Result<Option<(i64, i64)>, Ending> {
        let mut words = 0;
        loop {
            let event = match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    self.leak = self.leak.or(leaks::in_reply(text.as_bytes()));
                    serde_json::from_str::<Value>(&text).unwrap_or_default()
                }
                Some(Ok(Message::Close(frame))) => return Err(self.closed(frame.map(|frame| frame.to_string()))),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(self.broke(error.to_string())),
                None => return Err(self.broke("it ended without a goodbye".to_owned())),
            };
            match event["type"].as_str().unwrap_or_default() {
                "response.output_text.delta" => {
                    self.any_word = true;
                    words += 1;
                    if is_left && words == 2 {
                        return Ok(None);
                    }
                }
                "response.done" => {
                    let count = |name: &str| event["response"]["usage"][name].as_i64().unwrap_or_default();
                    return Ok(Some((count("input_tokens"), count("output_tokens"))));
                }
                _ => {}
            }
        }
    }

    fn call(&self, (model, user): (String, &str), (node, began): (usize, Instant), ending: Ending) -> Call {
        Call {
            model: Some(model),
            user: user.to_owned(),
            method: "WEBSOCKET",
            node,
            version: Version::Http1,
            began,
            ended: Instant::now(),
            ending,
            heard: self.any_word,
            tokens: None,
            metered: true,
            may_break: false,
            broke: self.broke.clone(),
            talk: self.talk.clone(),
        }
    }

    fn broke(&mut self, said: String) -> Ending {
        self.broke = Some(said);
        Ending::Broken
    }

    /// By the edge: for a limit, as it may, or for what broke.
    fn closed(&mut self, frame: Option<String>) -> Ending {
        let said = frame.unwrap_or_default();
        let is_refusal = said.contains("1008");
        self.broke = Some(said);
        if is_refusal { Ending::Whole { status: 101 } } else { Ending::Broken }
    }
}

fn small(number: u64) -> i64 {
    i64::try_from(number).expect("small")
}
