//! The events of a streamed response, numbered, from `response.created` to `response.completed`.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::responses::Draft;
use crate::{reply::Pieces, sse};

#[derive(Serialize)]
struct TextDelta<'a> {
    r#type: &'static str,
    sequence_number: u64,
    item_id: &'a str,
    output_index: u64,
    content_index: u64,
    delta: &'a str,
    logprobs: [u8; 0],
}

/// `whole` is the finished response, as a GET will answer it.
pub fn events(draft: Draft, whole: &Value) -> impl Iterator<Item = Bytes> + Send + use<> {
    let begin = opening(&draft);
    let next_number = begin.len() as u64;
    let end = closing(&draft, whole, next_number + draft.reply.tokens);
    let deltas = Deltas { pieces: draft.reply.into_pieces(), item_id: draft.message_id, next_number };
    begin.into_iter().chain(deltas).chain(end)
}

fn opening(draft: &Draft) -> Vec<Bytes> {
    let response = draft.in_progress();
    let item = draft.message("in_progress", &[]);
    number(
        0,
        [
            ("response.created", json!({"response": response})),
            ("response.in_progress", json!({"response": response})),
            ("response.output_item.added", json!({"output_index": 0, "item": item})),
            ("response.content_part.added", at_content(draft, "part", draft.part(""))),
        ],
    )
}

fn closing(draft: &Draft, whole: &Value, first_number: u64) -> Vec<Bytes> {
    let text = draft.reply.text.as_str();
    let last = if draft.reply.cut { "response.incomplete" } else { "response.completed" };
    let item = draft.message("completed", &[draft.part(text)]);
    number(
        first_number,
        [
            ("response.output_text.done", at_content(draft, "text", Value::from(text))),
            ("response.content_part.done", at_content(draft, "part", draft.part(text))),
            ("response.output_item.done", json!({"output_index": 0, "item": item})),
            (last, json!({"response": whole})),
        ],
    )
}

fn at_content(draft: &Draft, name: &str, value: Value) -> Value {
    let mut event = json!({"item_id": draft.message_id, "output_index": 0, "content_index": 0});
    event[name] = value;
    event
}

fn number<const N: usize>(first: u64, events: [(&str, Value); N]) -> Vec<Bytes> {
    let numbered = events.into_iter().zip(first..).map(|((name, mut event), sequence_number)| {
        event["type"] = Value::from(name);
        event["sequence_number"] = Value::from(sequence_number);
        sse::named(name, &event)
    });
    numbered.collect()
}

struct Deltas {
    pieces: Pieces,
    item_id: String,
    next_number: u64,
}

impl Iterator for Deltas {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let delta = self.pieces.next_piece()?;
        let event = TextDelta {
            r#type: "response.output_text.delta",
            sequence_number: self.next_number,
            item_id: &self.item_id,
            output_index: 0,
            content_index: 0,
            delta,
            logprobs: [],
        };
        self.next_number += 1;
        Some(sse::named(event.r#type, &event))
    }
}
