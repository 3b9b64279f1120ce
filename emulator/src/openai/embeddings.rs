//! `/v1/embeddings`: floats, or the base64 of little-endian floats that the official SDKs ask for.

use axum::{Json, Router, routing::post};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parse;
use crate::{emulator::Shared, failure::Failure, provider::Provider, reply::count_words, vectors};

const MAX_INPUTS: usize = 2048;
const MAX_DIMENSIONS: usize = 4096;

pub fn routes() -> Router<Shared> {
    Router::new().route("/openai/v1/embeddings", post(create))
}

#[derive(Debug, Deserialize)]
struct EmbeddingRequest {
    model: String,
    input: Value,
    #[serde(default)]
    encoding_format: Encoding,
    dimensions: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

#[derive(Serialize)]
struct EmbeddingList {
    object: &'static str,
    data: Vec<Embedding>,
    model: String,
    usage: EmbeddingUsage,
}

#[derive(Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Encoded,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Encoded {
    Floats(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct EmbeddingUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

async fn create(body: Bytes) -> Result<Json<EmbeddingList>, Failure> {
    let request: EmbeddingRequest = parse(&body)?;
    let inputs = inputs(&request.input);
    if inputs.is_empty() || inputs.len() > MAX_INPUTS {
        return Err(Provider::OpenAi.invalid(format!("input: from 1 to {MAX_INPUTS} texts.")).param("input"));
    }
    let default = if request.model.contains("large") { 3072 } else { 1536 };
    let dimensions = request.dimensions.unwrap_or(default);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(Provider::OpenAi.invalid(format!("dimensions: from 1 to {MAX_DIMENSIONS}.")).param("dimensions"));
    }

    let tokens = inputs.iter().map(|input| input.tokens).sum();
    let embed = |(index, input): (usize, Input)| Embedding {
        object: "embedding",
        index,
        embedding: encode(vectors::embed(&input.text, dimensions), request.encoding_format),
    };
    Ok(Json(EmbeddingList {
        object: "list",
        data: inputs.into_iter().enumerate().map(embed).collect(),
        model: request.model,
        usage: EmbeddingUsage { prompt_tokens: tokens, total_tokens: tokens },
    }))
}

struct Input {
    text: String,
    tokens: u64,
}

/// A text, texts, the tokens of a text, or the tokens of texts.
fn inputs(input: &Value) -> Vec<Input> {
    match input {
        Value::String(text) => vec![Input { text: text.clone(), tokens: count_words(text) }],
        Value::Array(items) if items.iter().all(Value::is_number) && !items.is_empty() => {
            vec![Input { text: input.to_string(), tokens: items.len() as u64 }]
        }
        Value::Array(items) => items.iter().flat_map(inputs).collect(),
        _ => Vec::new(),
    }
}

fn encode(vector: Vec<f32>, encoding: Encoding) -> Encoded {
    match encoding {
        Encoding::Float => Encoded::Floats(vector),
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|component| component.to_le_bytes()).collect();
            Encoded::Base64(BASE64_STANDARD.encode(bytes))
        }
    }
}
