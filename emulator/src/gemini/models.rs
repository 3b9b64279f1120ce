//! `/v1beta/models`: the list, and the calls `{model}:{method}` that are told apart by what follows the last colon.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{content::Content, generate, parse};
use crate::{emulator::Shared, failure::Failure, provider::Provider, vectors};

const MODELS: [&str; 4] = ["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-embedding-001"];
const DEFAULT_DIMENSIONS: usize = 3072;
const MAX_DIMENSIONS: usize = 4096;

fn object(model: &str) -> Value {
    json!({
        "name": format!("models/{model}"),
        "displayName": model,
        "version": "001",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
    })
}

pub async fn list() -> Json<Value> {
    Json(json!({"models": MODELS.map(object)}))
}

pub async fn one(Path(model): Path<String>) -> Result<Json<Value>, Failure> {
    if MODELS.contains(&model.as_str()) {
        return Ok(Json(object(&model)));
    }
    Err(Provider::Gemini.not_found(format!("models/{model} is not found for API version v1beta.")))
}

pub async fn call(
    State(emulator): State<Shared>,
    Path(call): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Result<Response, Failure> {
    let (model, method) = call.rsplit_once(':').unwrap_or((&call, ""));
    match method {
        "generateContent" => generate::whole(&emulator, model, &body),
        "streamGenerateContent" => {
            let framing = match query.get("alt").map(String::as_str) {
                Some("sse") => generate::Framing::Sse,
                _ => generate::Framing::Array,
            };
            generate::streamed(&emulator, model, &body, framing)
        }
        "countTokens" => count_tokens(&body).map(IntoResponse::into_response),
        "embedContent" => embed(&parse(&body)?).map(|embedding| Json(json!({"embedding": embedding})).into_response()),
        "batchEmbedContents" => batch_embed(&body).map(IntoResponse::into_response),
        _ => Err(Provider::Gemini.not_found(format!("Unknown method: {call}."))),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CountRequest {
    #[serde(default)]
    contents: Vec<Content>,
    generate_content_request: Option<generate::GenerateRequest>,
}

fn count_tokens(body: &Bytes) -> Result<Json<Value>, Failure> {
    let request: CountRequest = parse(body)?;
    let inner = request.generate_content_request.map_or(0, |request| request.prompt_tokens());
    let tokens = inner + request.contents.iter().map(Content::tokens).sum::<u64>();
    Ok(Json(json!({
        "totalTokens": tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}],
    })))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EmbedRequest {
    content: Content,
    output_dimensionality: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct BatchEmbedRequest {
    requests: Vec<EmbedRequest>,
}

fn embed(request: &EmbedRequest) -> Result<Value, Failure> {
    let dimensions = request.output_dimensionality.unwrap_or(DEFAULT_DIMENSIONS);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(Provider::Gemini.invalid(format!("outputDimensionality: from 1 to {MAX_DIMENSIONS}.")));
    }
    Ok(json!({"values": vectors::embed(&request.content.text(), dimensions)}))
}

fn batch_embed(body: &Bytes) -> Result<Json<Value>, Failure> {
    let batch: BatchEmbedRequest = parse(body)?;
    let embeddings = batch.requests.iter().map(embed).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(json!({"embeddings": embeddings})))
}
