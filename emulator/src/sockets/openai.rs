//! OpenAI's realtime events: a session, items, and answers that tell what they used.

use axum::extract::Query;
use http::Uri;
use serde_json::{Value, json};

use super::{Line, Wishes};
use crate::ids;

pub(super) async fn converse(mut line: Line, query: &str) {
    let model = model(query);
    let session = json!({"type": "realtime", "object": "realtime.session", "id": ids::id("sess_"), "model": model});
    let created = json!({"type": "session.created", "event_id": ids::id("event_"), "session": session});
    if line.say(&created).await.is_none() {
        return;
    }
    while let Some(event) = line.hear_json().await {
        if answer(&mut line, &event, &model).await.is_none() {
            return;
        }
    }
}

fn model(query: &str) -> String {
    let uri: Uri = format!("/?{query}").parse().unwrap_or_default();
    let pairs: Vec<(String, String)> = Query::try_from_uri(&uri).map(|Query(pairs)| pairs).unwrap_or_default();
    pairs.into_iter().find(|(name, _)| name == "model").map_or_else(|| "gpt-realtime".to_owned(), |(_, model)| model)
}

async fn answer(line: &mut Line, event: &Value, model: &str) -> Option<()> {
    let id = ids::id("event_");
    match event["type"].as_str().unwrap_or_default() {
        "session.update" => {
            line.say(&json!({"type": "session.updated", "event_id": id, "session": event["session"]})).await
        }
        "conversation.item.create" => {
            line.say(&json!({"type": "conversation.item.created", "event_id": id, "item": event["item"]})).await
        }
        "input_audio_buffer.append" => Some(()),
        "response.create" => respond(line, &event["response"], model).await,
        other => {
            let error = json!({"type": "invalid_request_error", "code": "invalid_value",
                "message": format!("Invalid value: '{other}'."), "param": "type", "event_id": null});
            line.say(&json!({"type": "error", "event_id": id, "error": error})).await
        }
    }
}

async fn respond(line: &mut Line, asked: &Value, model: &str) -> Option<()> {
    let wishes = Wishes::of(&asked["metadata"]);
    let id = ids::id("resp_");
    let response = |status: &str, usage: Value| {
        json!({"object": "realtime.response", "id": id, "status": status, "output": [], "usage": usage,
            "metadata": asked["metadata"], "model": model})
    };
    let begun = response("in_progress", Value::Null);
    line.say(&json!({"type": "response.created", "event_id": ids::id("event_"), "response": begun})).await?;
    for word in 1..=wishes.words {
        wishes.obey(line, word).await?;
        let delta = format!("w{word} ");
        line.say(&json!({"type": "response.output_text.delta", "event_id": ids::id("event_"), "response_id": id,
            "item_id": "item_1", "output_index": 0, "content_index": 0, "delta": delta}))
            .await?;
    }
    let (input, output) = (wishes.input_tokens, wishes.words);
    let usage = json!({"total_tokens": input + output, "input_tokens": input, "output_tokens": output,
        "input_token_details": {"text_tokens": input, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": output, "audio_tokens": 0}});
    let done = response("completed", usage);
    line.say(&json!({"type": "response.done", "event_id": ids::id("event_"), "response": done})).await
}
