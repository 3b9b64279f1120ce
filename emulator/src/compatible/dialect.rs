//! What each dialect does in its own way: where a stream says what it used, what else the figures hold, how it fails.

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    failure::{Failure, openai_type},
    provider::Dialect,
};

/// When a stream's figures come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UsageChunk {
    /// In a chunk without choices, if `stream_options.include_usage` asks for it.
    OnRequest,
    /// In the last chunk with a choice, always.
    WithLast,
    /// In every chunk, as a running total.
    WithEvery,
    /// In the last chunk with a choice under `x_groq`, and in one of its own if asked for.
    UnderGroq,
}

impl Dialect {
    pub fn usage_chunk(self) -> UsageChunk {
        match self {
            Self::AzureOpenAi | Self::DeepSeek | Self::GitHubModels => UsageChunk::OnRequest,
            Self::Groq => UsageChunk::UnderGroq,
            Self::Perplexity => UsageChunk::WithEvery,
            Self::OpenRouter
            | Self::Mistral
            | Self::XAi
            | Self::Together
            | Self::Fireworks
            | Self::Zai
            | Self::Cloudflare => UsageChunk::WithLast,
        }
    }

    /// Fields that OpenAI takes and this one refuses.
    pub fn refused_field(self) -> Option<&'static str> {
        (self == Self::Mistral).then_some("stream_options")
    }

    /// The comment lines that keep a connection open.
    pub fn opening_comment(self) -> Option<&'static str> {
        (self == Self::OpenRouter).then_some(": OPENROUTER PROCESSING\n\n")
    }

    pub fn usage(self, prompt: u64, completion: u64) -> Value {
        let mut usage = json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        });
        match self {
            Self::DeepSeek => {
                usage["prompt_cache_hit_tokens"] = json!(1.min(prompt));
                usage["prompt_cache_miss_tokens"] = json!(prompt.saturating_sub(1));
            }
            // Two tokens of reasoning that only the total holds.
            Self::XAi => {
                usage["total_tokens"] = json!(prompt + completion + 2);
                usage["completion_tokens_details"] = json!({"reasoning_tokens": 2, "audio_tokens": 0});
            }
            Self::OpenRouter => usage["cost"] = json!(0.5),
            Self::Perplexity => usage["cost"] = json!({"total_cost": 0.5, "request_cost": 0.4}),
            Self::Groq => usage["total_time"] = json!(0.01),
            Self::AzureOpenAi
            | Self::Mistral
            | Self::Together
            | Self::Fireworks
            | Self::Zai
            | Self::GitHubModels
            | Self::Cloudflare => {}
        }
        usage
    }
}

pub fn failure_body(dialect: Dialect, failure: &Failure) -> Value {
    let Failure { status, message, code, param, .. } = failure;
    match dialect {
        Dialect::XAi => json!({"code": code.unwrap_or("invalid-argument"), "error": message}),
        Dialect::OpenRouter => {
            json!({"error": {"code": status.as_u16(), "message": message, "metadata": {"reason": code}}})
        }
        Dialect::Mistral if *status == StatusCode::UNPROCESSABLE_ENTITY => {
            json!({"detail": [{"type": "extra_forbidden", "loc": ["body", param], "msg": message}]})
        }
        Dialect::Mistral => json!({
            "object": "error", "message": message, "type": openai_type(*status), "param": param, "code": code,
        }),
        Dialect::Cloudflare => json!({
            "success": false, "errors": [{"code": status.as_u16(), "message": message}], "messages": [], "result": null,
        }),
        Dialect::AzureOpenAi
        | Dialect::Groq
        | Dialect::DeepSeek
        | Dialect::Perplexity
        | Dialect::Together
        | Dialect::Fireworks
        | Dialect::Zai
        | Dialect::GitHubModels => failure.open_ai_body(),
    }
}
