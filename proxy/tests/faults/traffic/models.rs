//! Calls that a model answers, at three providers: whole, as a stream, left in the middle, broken off by the provider.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::Traffic;
use super::ask::{Ask, Leave, Payload, Told};
use crate::dice::Dice;
use crate::harness::Seeded;
use crate::leaks::PROMPT;

#[derive(Clone, Copy, Debug)]
enum Shape {
    OpenAi,
    Anthropic,
    Gemini,
}

const SHAPES: [Shape; 3] = [Shape::OpenAi, Shape::Anthropic, Shape::Gemini];

#[derive(Clone, Copy)]
struct Wish<'a> {
    /// Beside the prompt; may hold a fault for the emulator.
    says: &'a str,
    stream: bool,
    chunks: u64,
    delay_ms: u64,
    may_break: bool,
}

impl Wish<'static> {
    const WHOLE: Self = Self { says: "a b c", stream: false, chunks: 0, delay_ms: 0, may_break: false };
    const STREAM: Self = Self { stream: true, chunks: 40, ..Self::WHOLE };
}

impl Shape {
    fn path(self, model: &str, wish: Wish<'_>) -> String {
        match self {
            Self::OpenAi => "/v1/chat/completions".to_owned(),
            Self::Anthropic => "/v1/messages".to_owned(),
            Self::Gemini if wish.stream => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            Self::Gemini => format!("/v1beta/models/{model}:generateContent"),
        }
    }

    fn body(self, model: &str, wish: Wish<'_>) -> Value {
        let text = format!("{PROMPT} {}", wish.says);
        let pace = json!({"emulator_chunks": wish.chunks.to_string(), "emulator_delay_ms": wish.delay_ms.to_string()});
        match self {
            Self::OpenAi if wish.stream => json!({"model": model, "messages": [{"role": "user", "content": text}],
                "stream": true, "stream_options": {"include_usage": true}, "metadata": pace}),
            Self::OpenAi => json!({"model": model, "messages": [{"role": "user", "content": text}]}),
            Self::Anthropic if wish.stream => json!({"model": model, "max_tokens": 1_000_000, "stream": true,
                "metadata": pace, "messages": [{"role": "user", "content": text}]}),
            Self::Anthropic => {
                json!({"model": model, "max_tokens": 1_000, "messages": [{"role": "user", "content": text}]})
            }
            Self::Gemini if wish.stream => {
                json!({"contents": [{"role": "user", "parts": [{"text": text}]}], "labels": pace})
            }
            Self::Gemini => json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}),
        }
    }
}

impl Traffic {
    fn proxy_of(&self, shape: Shape) -> &Seeded {
        match shape {
            Shape::OpenAi => &self.site.proxies.openai,
            Shape::Anthropic => &self.site.proxies.anthropic,
            Shape::Gemini => &self.site.proxies.gemini,
        }
    }

    async fn ask_model(&self, dice: &mut Dice, wish: Wish<'_>, leave: Leave) -> Option<Told> {
        let (shape, model) = (dice.one_of(&SHAPES), self.model());
        let user = format!("user{}{}", dice.below(20), self.ending);
        let ask = Ask {
            method: Method::POST,
            model: Some(&model),
            body: Payload::Json(shape.body(&model, wish)),
            leave,
            may_break: wish.may_break,
            ..Ask::get(self.proxy_of(shape), shape.path(&model, wish), &user)
        };
        self.call(ask, dice).await
    }

    /// The name of a model that nobody asked for before.
    pub fn model(&self) -> String {
        self.name("model-").trim_end_matches('.').to_owned()
    }

    pub async fn json(&self, dice: &mut Dice) {
        let told = self.ask_model(dice, Wish::WHOLE, Leave::AtTheEnd).await;
        self.expect_served("a call of a model", told.as_ref());
    }

    pub async fn stream(&self, dice: &mut Dice) {
        let wish = Wish { chunks: dice.between(3, 60), delay_ms: dice.between(0, 25), ..Wish::STREAM };
        let told = self.ask_model(dice, wish, Leave::AtTheEnd).await;
        self.expect_served("a stream", told.as_ref());
    }

    /// What no fault is an excuse for: these proxies have no limit, and their edges need nobody to serve them.
    fn expect_served(&self, what: &str, told: Option<&Told>) {
        if let Some(told) = told.filter(|told| told.status != 200) {
            self.journal.late(format!("{what} was refused with {}: {}", told.status, told.text()));
        }
    }

    pub async fn leave_early(&self, dice: &mut Dice) {
        let wish = Wish { chunks: 200, delay_ms: dice.between(5, 30), ..Wish::STREAM };
        let chunks = dice.between(1, 6);
        self.ask_model(dice, wish, Leave::AfterChunks(chunks)).await;
    }

    /// More than all buffers between hold, so that the edge has to wait, and to give up.
    pub async fn stop_reading(&self, dice: &mut Dice) {
        let wish = Wish { chunks: 60_000, ..Wish::STREAM };
        self.ask_model(dice, wish, Leave::Unread(Duration::from_secs(5))).await;
    }

    pub async fn upstream_breaks(&self, dice: &mut Dice) {
        let fault = match dice.below(5) {
            0 => "emulator-fault:status=500".to_owned(),
            1 => "emulator-fault:status=429,retry_after=1".to_owned(),
            // Longer than the edge waits for the first byte.
            2 if dice.below(3) == 0 => "emulator-fault:delay=6000".to_owned(),
            _ => format!("emulator-fault:reset={}", dice.between(1, 2_000)),
        };
        let wish = Wish { says: &fault, delay_ms: 2, may_break: true, ..Wish::STREAM };
        self.ask_model(dice, wish, Leave::AtTheEnd).await;
    }

    /// Some providers repeat the key that they refuse.
    pub async fn upstream_tells_the_key(&self, dice: &mut Dice) {
        let wish = Wish { says: "emulator-fault:echo_key", stream: dice.below(2) == 0, ..Wish::STREAM };
        if let Some(told) = self.ask_model(dice, wish, Leave::AtTheEnd).await
            && told.status == 200
        {
            self.journal.wrong("a call that the provider refused was answered with 200".to_owned());
        }
    }
}

/// Input and output tokens, where a reply that is whole tells both.
pub fn told_tokens(reply: &str) -> Option<(i64, i64)> {
    if let Ok(body) = serde_json::from_str::<Value>(reply) {
        return input_of(&body).zip(output_of(&body));
    }
    let events = reply.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
    let (mut input, mut output) = (None, None);
    for event in events {
        let is_last = event.pointer("/candidates/0/finishReason").is_some() || event["type"] == "message_delta";
        input = input_of(&event).or(input);
        if event.get("candidates").is_none() && event["type"] != "message_start" || is_last {
            output = output_of(&event).or(output);
        }
    }
    input.zip(output)
}

fn input_of(body: &Value) -> Option<i64> {
    let places = [
        "/usage/prompt_tokens",
        "/usage/input_tokens",
        "/message/usage/input_tokens",
        "/usageMetadata/promptTokenCount",
    ];
    places.iter().find_map(|place| body.pointer(place)?.as_i64())
}

fn output_of(body: &Value) -> Option<i64> {
    let places = ["/usage/completion_tokens", "/usage/output_tokens", "/usageMetadata/candidatesTokenCount"];
    places.iter().find_map(|place| body.pointer(place)?.as_i64())
}

#[test]
fn tokens_are_read_from_what_each_provider_says() {
    assert_eq!(told_tokens(r#"{"usage": {"prompt_tokens": 3, "completion_tokens": 5}}"#), Some((3, 5)));
    let anthropic =
        "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n";
    assert_eq!(told_tokens(anthropic), None, "it broke off");
    let whole = format!("{anthropic}data: {{\"type\":\"message_delta\",\"usage\":{{\"output_tokens\":5}}}}\n\n");
    assert_eq!(told_tokens(&whole), Some((3, 5)));
    let gemini = r#"data: {"candidates":[{}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}"#;
    assert_eq!(told_tokens(gemini), None, "it broke off");
    assert_eq!(told_tokens(&gemini.replace("{}", r#"{"finishReason":"STOP"}"#)), Some((3, 2)));
}
