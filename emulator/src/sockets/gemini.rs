//! Gemini's Live API: a set-up, then turns; JSON in frames of bytes, as the real one sends it.

use serde_json::{Value, json};

use super::{Line, Wishes};
use crate::ids;

pub(super) async fn converse(mut line: Line) {
    let Some(first) = line.hear_json().await else { return };
    if !first["setup"]["model"].is_string() {
        line.close(1007, "The first message must be setup.").await;
        return;
    }
    if say(&mut line, &json!({"setupComplete": {}})).await.is_none() {
        return;
    }
    if first["setup"]["sessionResumption"].is_object() {
        let update = json!({"sessionResumptionUpdate": {"newHandle": ids::id("handle-"), "resumable": true}});
        if say(&mut line, &update).await.is_none() {
            return;
        }
    }
    while let Some(message) = line.hear_json().await {
        if message["clientContent"].is_object() && answer(&mut line, &message).await.is_none() {
            return;
        }
    }
}

async fn answer(line: &mut Line, message: &Value) -> Option<()> {
    let wishes = Wishes::of(&message["clientContent"]["metadata"]);
    for word in 1..=wishes.words {
        wishes.obey(line, word).await?;
        let parts = json!([{"text": format!("w{word} ")}]);
        say(line, &json!({"serverContent": {"modelTurn": {"role": "model", "parts": parts}}})).await?;
    }
    let (input, output) = (wishes.input_tokens, wishes.words);
    let usage = json!({"promptTokenCount": input, "responseTokenCount": output, "totalTokenCount": input + output});
    say(line, &json!({"serverContent": {"turnComplete": true}, "usageMetadata": usage})).await
}

async fn say(line: &mut Line, value: &Value) -> Option<()> {
    line.say_bytes(value.to_string().into_bytes()).await
}
