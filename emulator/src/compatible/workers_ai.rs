//! Cloudflare's own calls, in its envelope: `/run/@cf/{vendor}/{model}` and the list of models.

use axum::{
    Json,
    extract::Path,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::parse;
use crate::{
    failure::Failure,
    openai::text_of,
    provider::{Dialect, Provider},
    reply::{Pace, Reply, count_words},
    sse,
};

fn envelope(result: &Value) -> Value {
    json!({"result": result, "success": true, "errors": [], "messages": []})
}

pub async fn search() -> Json<Value> {
    let model =
        json!({"id": "emulator", "name": "@cf/meta/llama-3.1-8b-instruct", "task": {"name": "Text Generation"}});
    Json(envelope(&json!([model])))
}

pub async fn run(Path((vendor, model)): Path<(String, String)>, body: Bytes) -> Result<Response, Failure> {
    let request = parse(Dialect::Cloudflare, &body)?;
    let said = match (&request["prompt"], request["messages"].as_array()) {
        (Value::String(prompt), _) => prompt.clone(),
        (_, Some(messages)) => messages.last().map(|message| text_of(&message["content"])).unwrap_or_default(),
        _ => {
            let failure = format!("AiError: Bad input for @cf/{vendor}/{model}: prompt or messages is required");
            return Err(Provider::Compatible(Dialect::Cloudflare).invalid(failure));
        }
    };
    let pace = Pace::read(request.get("metadata"));
    let reply = Reply::new(&said, pace, request["max_tokens"].as_u64());
    let usage = Dialect::Cloudflare.usage(count_words(&said), reply.tokens);
    if request["stream"] != true {
        return Ok(Json(envelope(&json!({"response": reply.text, "usage": usage}))).into_response());
    }
    let mut pieces = reply.into_pieces();
    let words = std::iter::from_fn(move || pieces.next_piece().map(|word| sse::data(&json!({"response": word}))));
    let last = [sse::data(&json!({"response": "", "usage": usage})), sse::DONE];
    Ok(sse::answer(words.chain(last), pace.delay))
}
