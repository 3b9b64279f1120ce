//! The events of a streamed chat completion: a role, one event per word, a finish reason, the usage if asked for.

use std::{iter, sync::Arc};

use bytes::Bytes;
use serde::Serialize;

use super::chat::{Completion, Usage, finish_reason};
use crate::{
    reply::{Pieces, Reply},
    sse,
};

pub const FINGERPRINT: &str = "fp_emulator";

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    service_tier: &'static str,
    system_fingerprint: &'static str,
    choices: &'a [Choice<'a>],
    /// With `include_usage` every chunk has the field, and all but the last have it as `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

impl Completion {
    fn chunk(&self, choices: &[Choice<'_>], usage: Option<Usage>) -> Bytes {
        sse::data(&Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            service_tier: "default",
            system_fingerprint: FINGERPRINT,
            choices,
            usage: self.include_usage.then_some(usage),
        })
    }
}

pub fn events(completion: Completion, reply: Reply) -> impl Iterator<Item = Bytes> + Send + 'static {
    let completion = Arc::new(completion);
    let finish = finish_reason(&reply);
    let pieces = reply.into_pieces();
    let last = completion.include_usage.then(|| completion.chunk(&[], Some(completion.usage)));
    let choices = (0..completion.choices).flat_map(move |index| ChoiceEvents {
        completion: Arc::clone(&completion),
        index,
        pieces: pieces.clone(),
        finish,
        stage: Stage::Role,
    });
    choices.chain(last).chain(iter::once(sse::DONE))
}

enum Stage {
    Role,
    Words,
    Over,
}

struct ChoiceEvents {
    completion: Arc<Completion>,
    index: u32,
    pieces: Pieces,
    finish: &'static str,
    stage: Stage,
}

impl Iterator for ChoiceEvents {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let (delta, finish_reason) = match self.stage {
            Stage::Role => {
                self.stage = Stage::Words;
                (Delta { role: Some("assistant"), content: Some("") }, None)
            }
            Stage::Words => match self.pieces.next_piece() {
                Some(word) => (Delta { role: None, content: Some(word) }, None),
                None => {
                    self.stage = Stage::Over;
                    (Delta::default(), Some(self.finish))
                }
            },
            Stage::Over => return None,
        };
        Some(self.completion.chunk(&[Choice { index: self.index, delta, logprobs: None, finish_reason }], None))
    }
}
