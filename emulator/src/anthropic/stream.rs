//! The events of a streamed message: <https://docs.anthropic.com/en/docs/build-with-claude/streaming>.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::messages::{Draft, Usage};
use crate::{reply::Pieces, sse};

#[derive(Serialize)]
struct BlockDelta<'a> {
    r#type: &'static str,
    index: u32,
    delta: TextDelta<'a>,
}

#[derive(Serialize)]
struct TextDelta<'a> {
    r#type: &'static str,
    text: &'a str,
}

pub fn events(draft: Draft) -> impl Iterator<Item = Bytes> + Send + 'static {
    let begin = opening(&draft);
    let end = closing(&draft);
    begin.into_iter().chain(Deltas { pieces: draft.reply.into_pieces() }).chain(end)
}

fn opening(draft: &Draft) -> [Bytes; 3] {
    // The real API has counted one token when the stream begins.
    let usage = Usage { output_tokens: 1, ..draft.usage };
    let message = json!({
        "id": draft.id, "type": "message", "role": "assistant", "model": draft.model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": usage,
    });
    let block = json!({"type": "text", "text": ""});
    [
        sse::named("message_start", &json!({"type": "message_start", "message": message})),
        sse::named("content_block_start", &json!({"type": "content_block_start", "index": 0, "content_block": block})),
        sse::named("ping", &json!({"type": "ping"})),
    ]
}

fn closing(draft: &Draft) -> [Bytes; 3] {
    let delta = json!({"stop_reason": draft.stop_reason(), "stop_sequence": null});
    let usage = json!({"output_tokens": draft.usage.output_tokens});
    [
        sse::named("content_block_stop", &json!({"type": "content_block_stop", "index": 0})),
        sse::named("message_delta", &json!({"type": "message_delta", "delta": delta, "usage": usage})),
        sse::named("message_stop", &json!({"type": "message_stop"})),
    ]
}

struct Deltas {
    pieces: Pieces,
}

impl Iterator for Deltas {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let text = self.pieces.next_piece()?;
        let delta = TextDelta { r#type: "text_delta", text };
        Some(sse::named("content_block_delta", &BlockDelta { r#type: "content_block_delta", index: 0, delta }))
    }
}
