//! `…/chat/completions` of every dialect: JSON and events.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::{dialect::UsageChunk, dialect_of, model_of, parse};
use crate::{
    clock,
    failure::Failure,
    ids,
    openai::text_of,
    provider::{Dialect, Provider},
    reply::{Pace, Reply, count_words},
    sse,
};

struct Completion {
    dialect: Dialect,
    id: String,
    model: String,
    created: i64,
    prompt_tokens: u64,
    tokens: u64,
    include_usage: bool,
}

pub async fn complete(uri: Uri, body: Bytes) -> Result<Response, Failure> {
    let dialect = dialect_of(&uri);
    let request = parse(dialect, &body)?;
    let model = model_of(dialect, &uri, &request)?;
    if let Some(field) = dialect.refused_field().filter(|field| request.get(field).is_some()) {
        let message = "Extra inputs are not permitted";
        return Err(Provider::Compatible(dialect).failure(StatusCode::UNPROCESSABLE_ENTITY, message).param(field));
    }
    let Some(messages) = request["messages"].as_array().filter(|messages| !messages.is_empty()) else {
        return Err(Provider::Compatible(dialect).invalid("messages: at least one is required").param("messages"));
    };
    let prompt_tokens = messages.iter().map(|message| count_words(&text_of(&message["content"]))).sum();
    let said = messages.iter().rev().find(|message| message["role"] == "user");
    let said = said.map(|message| text_of(&message["content"])).unwrap_or_default();
    let pace = Pace::read(request.get("metadata"));
    let limit = request["max_completion_tokens"].as_u64().or_else(|| request["max_tokens"].as_u64());
    let reply = Reply::new(&said, pace, limit);
    let completion = Completion {
        dialect,
        id: ids::id("chatcmpl-"),
        model,
        created: clock::unix_secs(),
        prompt_tokens,
        tokens: reply.tokens,
        include_usage: request["stream_options"]["include_usage"] == true,
    };
    if request["stream"] == true {
        return Ok(sse::answer(completion.events(reply), pace.delay));
    }
    Ok(Json(completion.whole(&reply)).into_response())
}

fn finish_reason(reply: &Reply) -> &'static str {
    if reply.cut { "length" } else { "stop" }
}

impl Completion {
    fn whole(&self, reply: &Reply) -> Value {
        let message = json!({"role": "assistant", "content": reply.text});
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason(reply)}],
            "usage": self.dialect.usage(self.prompt_tokens, self.tokens),
        })
    }

    fn chunk(&self, choices: &Value) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        })
    }

    fn events(self, reply: Reply) -> impl Iterator<Item = Bytes> + Send + 'static {
        let opening = self.dialect.opening_comment().map(|comment| Bytes::from_static(comment.as_bytes()));
        let finish = finish_reason(&reply);
        let mut pieces = reply.into_pieces();
        let mut sent = 0;
        let mut stage = Stage::Role;
        let events = std::iter::from_fn(move || {
            let event = match stage {
                Stage::Role => {
                    stage = Stage::Words;
                    self.delta(&json!({"role": "assistant", "content": ""}), 0)
                }
                Stage::Words => match pieces.next_piece() {
                    Some(word) => {
                        sent += 1;
                        self.delta(&json!({"content": word}), sent)
                    }
                    None => {
                        stage = Stage::Usage;
                        self.last(finish)
                    }
                },
                Stage::Usage => {
                    stage = Stage::Done;
                    match self.own_usage_chunk() {
                        Some(chunk) => chunk,
                        None => return Some(Stage::end(&mut stage)),
                    }
                }
                Stage::Done => return Some(Stage::end(&mut stage)),
                Stage::Over => return None,
            };
            Some(sse::data(&event))
        });
        opening.into_iter().chain(events)
    }

    fn delta(&self, delta: &Value, sent: u64) -> Value {
        let mut chunk = self.chunk(&json!([{"index": 0, "delta": delta, "finish_reason": null}]));
        if self.dialect.usage_chunk() == UsageChunk::WithEvery {
            chunk["usage"] = self.dialect.usage(self.prompt_tokens, sent);
        }
        chunk
    }

    fn last(&self, finish: &str) -> Value {
        let usage = self.dialect.usage(self.prompt_tokens, self.tokens);
        let mut chunk = self.chunk(&json!([{"index": 0, "delta": {}, "finish_reason": finish}]));
        match self.dialect.usage_chunk() {
            UsageChunk::WithLast | UsageChunk::WithEvery => chunk["usage"] = usage,
            UsageChunk::UnderGroq => chunk["x_groq"] = json!({"id": self.id, "usage": usage}),
            UsageChunk::OnRequest => {}
        }
        chunk
    }

    fn own_usage_chunk(&self) -> Option<Value> {
        let has_one = matches!(self.dialect.usage_chunk(), UsageChunk::OnRequest | UsageChunk::UnderGroq);
        (has_one && self.include_usage).then(|| {
            let mut chunk = self.chunk(&json!([]));
            chunk["usage"] = self.dialect.usage(self.prompt_tokens, self.tokens);
            chunk
        })
    }
}

enum Stage {
    Role,
    Words,
    Usage,
    Done,
    Over,
}

impl Stage {
    fn end(stage: &mut Self) -> Bytes {
        *stage = Self::Over;
        sse::DONE
    }
}
