//! `/v1/chat/completions`: reads a request and decides the reply; streams are in `chat_stream`.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{chat_stream, parse};
use crate::{
    clock,
    emulator::Shared,
    failure::Failure,
    ids,
    provider::Provider,
    reply::{Pace, Reply, count_words},
    sse,
};

const MAX_CHOICES: u32 = 16;

pub fn routes() -> Router<Shared> {
    Router::new().route("/openai/v1/chat/completions", post(complete))
}

#[derive(Debug, Deserialize)]
struct ChatRequest {
    model: String,
    messages: Vec<Message>,
    #[serde(default)]
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    n: Option<u32>,
    metadata: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    text: Option<String>,
}

impl Message {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let (whole, parts) = match &self.content {
            Some(Content::Text(text)) => (Some(text.as_str()), [].as_slice()),
            Some(Content::Parts(parts)) => (None, parts.as_slice()),
            None => (None, [].as_slice()),
        };
        whole.into_iter().chain(parts.iter().filter_map(|part| part.text.as_deref()))
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    audio_tokens: u64,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

impl Usage {
    fn new(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            total_tokens: prompt_tokens + completion_tokens,
            prompt_tokens_details: PromptDetails::default(),
            completion_tokens_details: CompletionDetails::default(),
        }
    }
}

/// What all choices of one completion have in common.
pub struct Completion {
    pub id: String,
    pub model: String,
    pub created: i64,
    pub choices: u32,
    pub usage: Usage,
    pub include_usage: bool,
}

async fn complete(body: Bytes) -> Result<Response, Failure> {
    let request: ChatRequest = parse(&body)?;
    if request.messages.is_empty() {
        return Err(Provider::OpenAi.invalid("[] is too short - 'messages'").param("messages").code("empty_array"));
    }
    let choices = request.n.unwrap_or(1);
    if !(1..=MAX_CHOICES).contains(&choices) {
        return Err(Provider::OpenAi
            .failure(StatusCode::BAD_REQUEST, format!("n must be from 1 to {MAX_CHOICES}."))
            .param("n"));
    }

    let prompt_tokens = request.messages.iter().flat_map(Message::texts).map(count_words).sum();
    let pace = Pace::read(request.metadata.as_ref());
    let limit = request.max_completion_tokens.or(request.max_tokens);
    let last = request.messages.iter().rev().find(|message| message.role == "user");
    let said = last.map(|message| message.texts().collect::<Vec<_>>().join("\n")).unwrap_or_default();
    let reply = Reply::new(&said, pace, limit);

    let completion = Completion {
        id: ids::id("chatcmpl-"),
        model: request.model,
        created: clock::unix_secs(),
        choices,
        usage: Usage::new(prompt_tokens, reply.tokens * u64::from(choices)),
        include_usage: request.stream_options.is_some_and(|options| options.include_usage),
    };
    if request.stream == Some(true) {
        return Ok(sse::answer(chat_stream::events(completion, reply), pace.delay));
    }
    Ok(Json(whole(&completion, &reply)).into_response())
}

pub fn finish_reason(reply: &Reply) -> &'static str {
    if reply.cut { "length" } else { "stop" }
}

fn whole(completion: &Completion, reply: &Reply) -> Value {
    let choices: Vec<Value> = (0..completion.choices)
        .map(|index| {
            json!({
                "index": index,
                "message": {"role": "assistant", "content": reply.text, "refusal": null, "annotations": []},
                "logprobs": null,
                "finish_reason": finish_reason(reply),
            })
        })
        .collect();
    json!({
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "choices": choices,
        "usage": completion.usage,
        "service_tier": "default",
        "system_fingerprint": chat_stream::FINGERPRINT,
    })
}
