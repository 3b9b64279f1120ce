//! What is spoken over a provider's WebSockets: which messages are JSON, which name the model, which tell of use.
//! Knows nothing of connections.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::metering::{answer_usage, text_chars};
use crate::provider::UsageShape;
use crate::usage::TokenCounts;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketEndpoint {
    /// As in `EndpointRule`.
    pub template: String,
    pub protocol: SocketProtocol,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketProtocol {
    /// Events in text, the model in the query.
    OpenAiRealtime,
    /// JSON in text or in bytes; the first message names the model.
    GeminiLive,
    /// JSON in text, which may carry the caller's credential.
    ElevenLabs,
    /// JSON in text, sound in bytes.
    Deepgram,
    /// Of an API that nobody described: text and bytes pass as they are.
    #[default]
    Opaque,
}

/// What bytes are, from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Json,
    /// Sound; nothing in it is read.
    Passed,
    Refused,
}

/// What a message of the provider's says of its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub usage: Option<TokenCounts>,
    pub work: Option<Work>,
    /// Characters of what was said, also where it was spoken.
    pub text_chars: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    Began,
    Ended,
}

impl SocketProtocol {
    pub fn is_json(self) -> bool {
        match self {
            Self::OpenAiRealtime | Self::GeminiLive | Self::ElevenLabs | Self::Deepgram => true,
            Self::Opaque => false,
        }
    }

    pub fn binary(self) -> Binary {
        match self {
            Self::GeminiLive => Binary::Json,
            Self::Deepgram | Self::Opaque => Binary::Passed,
            Self::OpenAiRealtime | Self::ElevenLabs => Binary::Refused,
        }
    }

    /// Members of a client's messages in which its token may stand.
    pub fn credentials(self) -> &'static [&'static str] {
        match self {
            Self::ElevenLabs => &["xi_api_key", "xi-api-key", "authorization"],
            Self::OpenAiRealtime | Self::GeminiLive | Self::Deepgram | Self::Opaque => &[],
        }
    }

    /// Nothing may be asked before the model is named, in a message of this member.
    pub fn opening(self) -> Option<&'static str> {
        match self {
            Self::GeminiLive => Some("setup"),
            Self::OpenAiRealtime | Self::ElevenLabs | Self::Deepgram | Self::Opaque => None,
        }
    }

    /// The model that a client's message names; `None` for one that names none.
    pub fn model(self, message: &Value) -> Option<&Value> {
        let named = match self {
            Self::OpenAiRealtime => message.pointer("/session/model"),
            Self::GeminiLive => message.pointer("/setup/model"),
            Self::ElevenLabs | Self::Deepgram | Self::Opaque => None,
        };
        named.filter(|model| !model.is_null())
    }

    pub fn hear(self, message: &Value) -> Heard {
        match self {
            Self::OpenAiRealtime => hear_openai(message),
            Self::GeminiLive => hear_gemini(message),
            Self::ElevenLabs | Self::Deepgram | Self::Opaque => Heard::default(),
        }
    }

    /// Whether several answers may be under way at once.
    pub fn answers_in_parallel(self) -> bool {
        self == Self::OpenAiRealtime
    }

    /// Whether what was used is told, and an answer that was begun can be waited for.
    pub fn tells(self) -> bool {
        matches!(self, Self::OpenAiRealtime | Self::GeminiLive)
    }
}

fn hear_openai(event: &Value) -> Heard {
    let silent = Heard::default();
    match event["type"].as_str().unwrap_or_default() {
        "response.created" => Heard { work: Some(Work::Began), ..silent },
        "response.done" => Heard {
            usage: answer_usage(UsageShape::OpenAi, &event["response"]["usage"]),
            work: Some(Work::Ended),
            ..silent
        },
        // Told in tokens or in seconds, by model.
        "conversation.item.input_audio_transcription.completed" => {
            Heard { usage: answer_usage(UsageShape::OpenAi, &event["usage"]), ..silent }
        }
        kind if kind.ends_with("text.delta") || kind.ends_with("transcript.delta") => {
            Heard { text_chars: text_chars(&event["delta"]), ..silent }
        }
        _ => silent,
    }
}

fn hear_gemini(message: &Value) -> Heard {
    let usage = message.get("usageMetadata").filter(|usage| usage.is_object());
    let content = &message["serverContent"];
    let work = match (&content["turnComplete"], content.is_object() || message["toolCall"].is_object()) {
        (Value::Bool(true), _) => Some(Work::Ended),
        (_, true) => Some(Work::Began),
        (_, false) => None,
    };
    Heard {
        usage: usage.and_then(|usage| answer_usage(UsageShape::Gemini, usage)),
        work,
        text_chars: text_chars(&content["modelTurn"]["parts"]) + text_chars(&content["outputTranscription"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn openais_answers_tell_what_they_used_when_they_are_done() {
        let usage = json!({"total_tokens": 253, "input_tokens": 132, "output_tokens": 121,
            "input_token_details": {"text_tokens": 100, "audio_tokens": 32, "cached_tokens": 64},
            "output_token_details": {"text_tokens": 30, "audio_tokens": 91}});
        let heard = SocketProtocol::OpenAiRealtime
            .hear(&json!({"type": "response.done", "response": {"status": "completed", "usage": usage}}));
        let tokens =
            TokenCounts { input: 132, cached: 64, cache_written: 0, audio_input: 32, output: 121, audio_output: 91 };
        assert_eq!(heard, Heard { usage: Some(tokens), work: Some(Work::Ended), text_chars: 0 });
        let created = json!({"type": "response.created", "response": {"usage": null}});
        assert_eq!(SocketProtocol::OpenAiRealtime.hear(&created).work, Some(Work::Began));
        let delta = json!({"type": "response.output_audio.delta", "delta": "AAAA"});
        assert_eq!(SocketProtocol::OpenAiRealtime.hear(&delta), Heard::default());
    }

    #[test]
    fn geminis_live_answers_tell_it_beside_their_content() {
        let message = json!({"serverContent": {"turnComplete": true}, "usageMetadata": {"promptTokenCount": 10,
            "responseTokenCount": 20, "totalTokenCount": 30,
            "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}]}});
        let tokens = TokenCounts { input: 10, output: 20, audio_output: 15, ..TokenCounts::default() };
        let heard = SocketProtocol::GeminiLive.hear(&message);
        assert_eq!(heard, Heard { usage: Some(tokens), work: Some(Work::Ended), text_chars: 0 });
        let begun = SocketProtocol::GeminiLive.hear(&json!({"serverContent": {"modelTurn": {"parts": []}}}));
        assert_eq!(begun, Heard { work: Some(Work::Began), ..Heard::default() });
        assert_eq!(SocketProtocol::GeminiLive.hear(&json!({"setupComplete": {}})), Heard::default());
    }

    #[test]
    fn figures_that_are_not_plausible_are_not_believed() {
        let usage = json!({"input_tokens": 5, "output_tokens": 1, "input_token_details": {"audio_tokens": 6}});
        let event = json!({"type": "response.done", "response": {"usage": usage}});
        assert_eq!(SocketProtocol::OpenAiRealtime.hear(&event).usage, None);
    }
}
