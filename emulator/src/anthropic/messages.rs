//! `/v1/messages` and `/v1/messages/count_tokens`; streams are in `stream`.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{parse, require_version, stream};
use crate::{
    failure::Failure,
    ids,
    provider::Provider,
    reply::{Pace, Reply, count_words},
    sse,
};

#[derive(Debug, Deserialize)]
struct Prompt {
    model: String,
    messages: Vec<Turn>,
    system: Option<Content>,
}

#[derive(Debug, Deserialize)]
struct MessageRequest {
    #[serde(flatten)]
    prompt: Prompt,
    max_tokens: Option<u64>,
    stream: Option<bool>,
    metadata: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Turn {
    role: String,
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Debug, Deserialize)]
struct Block {
    text: Option<String>,
}

impl Content {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Blocks(blocks) => {
                blocks.iter().filter_map(|block| block.text.as_deref()).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

impl Prompt {
    /// Words of the system prompt and of all messages.
    fn tokens(&self) -> u64 {
        let contents = self.messages.iter().map(|turn| &turn.content);
        self.system.iter().chain(contents).map(|content| count_words(&content.text())).sum()
    }

    fn check(&self) -> Result<(), Failure> {
        if self.messages.is_empty() {
            return Err(Provider::Anthropic.invalid("messages: at least one message is required"));
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Usage {
    pub input_tokens: u64,
    pub cache_creation_input_tokens: u64,
    pub cache_read_input_tokens: u64,
    pub output_tokens: u64,
    pub service_tier: &'static str,
}

pub struct Draft {
    pub id: String,
    pub model: String,
    pub usage: Usage,
    pub reply: Reply,
}

impl Draft {
    pub fn stop_reason(&self) -> &'static str {
        if self.reply.cut { "max_tokens" } else { "end_turn" }
    }
}

pub async fn create(headers: HeaderMap, body: Bytes) -> Result<Response, Failure> {
    require_version(&headers)?;
    let request: MessageRequest = parse(&body)?;
    request.prompt.check()?;
    let Some(max_tokens) = request.max_tokens else {
        return Err(Provider::Anthropic.invalid("max_tokens: Field required"));
    };

    let pace = Pace::read(request.metadata.as_ref());
    let last = request.prompt.messages.iter().rev().find(|turn| turn.role == "user");
    let reply = Reply::new(&last.map(|turn| turn.content.text()).unwrap_or_default(), pace, Some(max_tokens));
    let usage = Usage {
        input_tokens: request.prompt.tokens(),
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens: reply.tokens,
        service_tier: "standard",
    };
    let draft = Draft { id: ids::id("msg_"), model: request.prompt.model, usage, reply };
    if request.stream == Some(true) {
        return Ok(sse::answer(stream::events(draft), pace.delay));
    }
    Ok(Json(whole(&draft)).into_response())
}

fn whole(draft: &Draft) -> Value {
    json!({
        "id": draft.id,
        "type": "message",
        "role": "assistant",
        "model": draft.model,
        "content": [{"type": "text", "text": draft.reply.text}],
        "stop_reason": draft.stop_reason(),
        "stop_sequence": null,
        "usage": draft.usage,
    })
}

pub async fn count_tokens(headers: HeaderMap, body: Bytes) -> Result<Json<Value>, Failure> {
    require_version(&headers)?;
    let prompt: Prompt = parse(&body)?;
    prompt.check()?;
    Ok(Json(json!({"input_tokens": prompt.tokens()})))
}
