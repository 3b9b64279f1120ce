//! `generateContent` and `streamGenerateContent`. Every chunk carries the usage so far, as the real ones do.

use std::iter;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{content::Content, parse};
use crate::{
    emulator::Emulator,
    failure::Failure,
    ids,
    provider::Provider,
    reply::{Pace, Pieces, Reply},
    sse,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerateRequest {
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(alias = "system_instruction")]
    system_instruction: Option<Content>,
    #[serde(alias = "generation_config")]
    generation_config: Option<GenerationConfig>,
    /// `emulator_chunks` and `emulator_delay_ms`, as in the metadata of the other providers.
    labels: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    #[serde(alias = "max_output_tokens")]
    max_output_tokens: Option<u64>,
}

impl GenerateRequest {
    pub fn prompt_tokens(&self) -> u64 {
        self.system_instruction.iter().chain(&self.contents).map(Content::tokens).sum()
    }
}

#[derive(Clone, Copy)]
pub enum Framing {
    Sse,
    /// One JSON array, an element at a time.
    Array,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    candidates: [Candidate<'a>; 1],
    usage_metadata: Usage,
    model_version: &'a str,
    response_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    content: Spoken<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'static str>,
    index: u32,
}

#[derive(Serialize)]
struct Spoken<'a> {
    parts: [Text<'a>; 1],
    role: &'static str,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    prompt_token_count: u64,
    candidates_token_count: u64,
    total_token_count: u64,
    prompt_tokens_details: [Modality; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Modality {
    modality: &'static str,
    token_count: u64,
}

struct Draft {
    id: String,
    model: String,
    prompt_tokens: u64,
    finish_reason: &'static str,
}

impl Draft {
    fn chunk<'a>(&'a self, text: &'a str, tokens: u64, finish_reason: Option<&'static str>) -> Chunk<'a> {
        Chunk {
            candidates: [Candidate {
                content: Spoken { parts: [Text { text }], role: "model" },
                finish_reason,
                index: 0,
            }],
            usage_metadata: Usage {
                prompt_token_count: self.prompt_tokens,
                candidates_token_count: tokens,
                total_token_count: self.prompt_tokens + tokens,
                prompt_tokens_details: [Modality { modality: "TEXT", token_count: self.prompt_tokens }],
            },
            model_version: &self.model,
            response_id: &self.id,
        }
    }
}

fn prepare(emulator: &Emulator, model: &str, body: &Bytes) -> Result<(Draft, Reply, Pace), Failure> {
    let request: GenerateRequest = parse(body)?;
    if request.contents.is_empty() {
        return Err(Provider::Gemini.invalid("* GenerateContentRequest.contents: contents is not specified"));
    }
    for content in &request.contents {
        content.check_files(emulator)?;
    }
    let pace = Pace::read(request.labels.as_ref());
    let limit = request.generation_config.as_ref().and_then(|config| config.max_output_tokens);
    // A content without a role is the caller's.
    let last = request.contents.iter().rev().find(|content| content.role.as_deref() != Some("model"));
    let reply = Reply::new(&last.map(Content::text).unwrap_or_default(), pace, limit);
    let draft = Draft {
        id: ids::id(""),
        model: model.to_owned(),
        prompt_tokens: request.prompt_tokens(),
        finish_reason: if reply.cut { "MAX_TOKENS" } else { "STOP" },
    };
    Ok((draft, reply, pace))
}

pub fn whole(emulator: &Emulator, model: &str, body: &Bytes) -> Result<Response, Failure> {
    let (draft, reply, _) = prepare(emulator, model, body)?;
    Ok(Json(draft.chunk(&reply.text, reply.tokens, Some(draft.finish_reason))).into_response())
}

pub fn streamed(emulator: &Emulator, model: &str, body: &Bytes, framing: Framing) -> Result<Response, Failure> {
    let (draft, reply, pace) = prepare(emulator, model, body)?;
    let chunks = Chunks { draft, total: reply.tokens, pieces: reply.into_pieces(), sent: 0, framing };
    Ok(match framing {
        Framing::Sse => sse::answer(chunks, pace.delay),
        Framing::Array => {
            let elements = chunks.chain(iter::once(Bytes::from_static(b"\n]\n")));
            let content_type = [(header::CONTENT_TYPE, "application/json; charset=UTF-8")];
            (content_type, sse::paced(elements, pace.delay)).into_response()
        }
    })
}

struct Chunks {
    draft: Draft,
    pieces: Pieces,
    total: u64,
    sent: u64,
    framing: Framing,
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let first = self.sent == 0;
        let piece = match self.pieces.next_piece() {
            Some(piece) => piece,
            // A reply without a word is one empty chunk.
            None if first && self.total == 0 => "",
            None => return None,
        };
        self.sent += 1;
        let finish_reason = (self.sent >= self.total).then_some(self.draft.finish_reason);
        let chunk = self.draft.chunk(piece, self.sent.min(self.total), finish_reason);
        Some(match self.framing {
            Framing::Sse => sse::data(&chunk),
            Framing::Array => sse::element(if first { "[" } else { ",\r\n" }, &chunk),
        })
    }
}
