//! ElevenLabs and Deepgram, and an API that only repeats: no tokens, text and sound.

use axum::extract::ws::Message;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{Line, Wishes};
use crate::ids;

pub(super) async fn echo(mut line: Line) {
    while let Some(message) = line.hear().await {
        let asked = serde_json::from_slice::<Value>(&message.clone().into_data()).unwrap_or_default();
        if Wishes::of(&asked["metadata"]).obey(&mut line, 2).await.is_none() || line.socket.send(message).await.is_err()
        {
            return;
        }
    }
}

/// Sound is answered with what was heard of it, text with sound.
pub(super) async fn converse(mut line: Line) {
    while let Some(message) = line.hear().await {
        let answered = match message {
            Message::Binary(sound) => {
                let alternative = json!({"transcript": format!("You sent {} bytes.", sound.len()), "confidence": 1.0});
                line.say(&json!({"type": "Results", "is_final": true, "channel": {"alternatives": [alternative]}}))
                    .await
            }
            Message::Text(text) => speak(&mut line, text.as_str()).await,
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Some(()),
        };
        if answered.is_none() {
            return;
        }
    }
}

async fn speak(line: &mut Line, text: &str) -> Option<()> {
    let message: Value = serde_json::from_str(text).unwrap_or_default();
    match (message["type"].as_str(), message["text"].as_str()) {
        (Some("CloseStream"), _) => {
            line.say(&json!({"type": "Metadata", "request_id": ids::id("")})).await?;
            line.close(1000, "").await;
            None
        }
        (Some("conversation_initiation_client_data"), _) => {
            let event = json!({"conversation_id": ids::id("conv_"), "agent_output_audio_format": "pcm_16000"});
            line.say(&json!({"type": "conversation_initiation_metadata",
                "conversation_initiation_metadata_event": event}))
                .await
        }
        (_, Some("")) => {
            line.say(&json!({"audio": null, "isFinal": true})).await?;
            line.close(1000, "").await;
            None
        }
        (_, Some(words)) => line.say(&json!({"audio": BASE64_STANDARD.encode(words), "isFinal": false})).await,
        (_, None) => Some(()),
    }
}
