//! `…/embeddings` of every dialect: floats only.

use axum::Json;
use bytes::Bytes;
use http::Uri;
use serde_json::{Value, json};

use super::{dialect_of, model_of, parse};
use crate::{failure::Failure, provider::Provider, reply::count_words, vectors};

const DIMENSIONS: usize = 64;

pub async fn create(uri: Uri, body: Bytes) -> Result<Json<Value>, Failure> {
    let dialect = dialect_of(&uri);
    let request = parse(dialect, &body)?;
    let model = model_of(dialect, &uri, &request)?;
    let inputs: Vec<&str> = match &request["input"] {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if inputs.is_empty() {
        return Err(Provider::Compatible(dialect).invalid("input: at least one text").param("input"));
    }
    let tokens: u64 = inputs.iter().map(|input| count_words(input)).sum();
    let vectors: Vec<Value> = (0_u32..)
        .zip(&inputs)
        .map(|(index, text)| {
            json!({"object": "embedding", "index": index, "embedding": vectors::embed(text, DIMENSIONS)})
        })
        .collect();
    Ok(Json(json!({"object": "list", "data": vectors, "model": model, "usage": dialect.usage(tokens, 0)})))
}
