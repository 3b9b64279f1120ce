//! Token counts and model names, read from replies in each provider's shape.
//!
//! Where a reply ended early, or holds generated text and no figures, what was delivered is estimated at four
//! characters a token: never zero after a byte was delivered.

mod text_count;

use serde_json::Value;

pub use text_count::text_chars;

use crate::json_scan::MemberScan;
use crate::provider::UsageShape;
use crate::usage::TokenCounts;

/// No provider's context is near this; a larger figure is not believed.
const PLAUSIBLE_TOKENS: u64 = 100_000_000;
const CHARS_PER_TOKEN: u64 = 4;

/// What a reply has said about itself so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    pub model: Option<String>,
    pub tokens: Option<TokenCounts>,
    /// Characters of generated text in the events seen.
    pub text_chars: u64,
    /// The provider's own last event was seen.
    pub finished: bool,
}

/// The longest model name that is kept; what is longer is not one.
const MODEL_NAME_CHARS: usize = 128;

/// A model's name as a client wrote it, which can be anything.
pub fn asked_model(text: &str) -> String {
    model_name(text).to_owned()
}

/// The same, borrowed.
pub fn model_name(text: &str) -> &str {
    text.char_indices().nth(MODEL_NAME_CHARS).map_or(text, |(end, _)| &text[..end])
}

/// The top-level members that `read_members` wants.
pub fn members(shape: UsageShape) -> MemberScan {
    MemberScan::new(match shape {
        UsageShape::OpenAi => &["model", "usage", "choices", "output", "x_groq"],
        UsageShape::Cloudflare => &["model", "usage", "choices", "output", "result"],
        UsageShape::Replicate => &["model", "metrics"],
        UsageShape::Anthropic => &["model", "usage", "content"],
        UsageShape::Gemini => &["modelVersion", "usageMetadata", "candidates"],
        UsageShape::None => &[],
    })
}

impl Reported {
    /// A complete JSON reply, or what of it came.
    pub fn read_members(&mut self, shape: UsageShape, scan: &MemberScan) {
        for (name, raw) in scan.found() {
            if matches!(name, "choices" | "output" | "content" | "candidates") {
                self.text_chars += text_count::of_json(raw).unwrap_or(0);
                continue;
            }
            let Ok(value) = serde_json::from_slice::<Value>(raw) else { continue };
            match name {
                "model" | "modelVersion" => self.note_model(&value),
                "result" => self.read_cloudflare_result(&value),
                "x_groq" => self.note_usage(shape, &value["usage"]),
                _ => self.note_usage(shape, &value),
            }
        }
    }

    /// The data of one event. What is not JSON is `[DONE]`, or nothing of ours.
    pub fn read_event(&mut self, shape: UsageShape, event: &Value) {
        match shape {
            UsageShape::OpenAi => self.read_openai(event),
            UsageShape::Cloudflare => {
                self.read_openai(event);
                self.read_cloudflare_result(event);
            }
            UsageShape::Replicate => self.read_replicate(event),
            UsageShape::Anthropic => self.read_anthropic(event),
            UsageShape::Gemini => self.read_gemini(event),
            UsageShape::None => {}
        }
    }

    /// Chat completions, responses, assistants' runs, transcriptions.
    fn read_openai(&mut self, event: &Value) {
        let reply = event.get("response").filter(|inner| inner.is_object()).unwrap_or(event);
        self.note_model(&reply["model"]);
        self.note_usage(UsageShape::OpenAi, &event["x_groq"]["usage"]);
        self.note_usage(UsageShape::OpenAi, &reply["usage"]);
        let kind = event["type"].as_str().unwrap_or_default();
        self.finished |= matches!(kind, "response.completed" | "response.incomplete" | "response.failed");
        let choices = event["choices"].as_array().into_iter().flatten();
        self.text_chars +=
            choices.map(|choice| text_chars(&choice["delta"]) + text_chars(&choice["text"])).sum::<u64>();
        self.text_chars += text_chars(&event["delta"]);
    }

    /// Of Cloudflare's own calls (`/run/…`): a reply's `result`, or an event, which has the same members.
    fn read_cloudflare_result(&mut self, result: &Value) {
        self.note_usage(UsageShape::Cloudflare, &result["usage"]);
        self.text_chars += text_chars(&result["response"]);
    }

    /// A prediction, where it is sent as an event.
    fn read_replicate(&mut self, event: &Value) {
        self.note_model(&event["model"]);
        self.note_usage(UsageShape::Replicate, &event["metrics"]);
    }

    fn read_anthropic(&mut self, event: &Value) {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                self.note_model(&event["message"]["model"]);
                self.note_usage(UsageShape::Anthropic, &event["message"]["usage"]);
            }
            // Its figures are running totals; those it leaves out stand as `message_start` gave them.
            "message_delta" => self.note_usage(UsageShape::Anthropic, &event["usage"]),
            "content_block_delta" => self.text_chars += text_chars(&event["delta"]),
            "message_stop" => self.finished = true,
            _ => {}
        }
    }

    fn read_gemini(&mut self, event: &Value) {
        self.note_model(&event["modelVersion"]);
        self.note_usage(UsageShape::Gemini, &event["usageMetadata"]);
        for candidate in event["candidates"].as_array().into_iter().flatten() {
            self.text_chars += text_chars(&candidate["content"]["parts"]);
            self.finished |= candidate["finishReason"].is_string();
        }
    }

    fn note_model(&mut self, value: &Value) {
        if let Some(model) = value.as_str().filter(|name| (1..=128).contains(&name.len())) {
            self.model = Some(model.to_owned());
        }
    }

    fn note_usage(&mut self, shape: UsageShape, usage: &Value) {
        if !usage.is_object() {
            return;
        }
        let before = self.tokens.unwrap_or_default();
        let read = match shape {
            UsageShape::OpenAi | UsageShape::Cloudflare => openai_usage(usage),
            UsageShape::Replicate => replicate_usage(usage),
            UsageShape::Anthropic => anthropic_usage(usage, before),
            UsageShape::Gemini => gemini_usage(usage),
            UsageShape::None => None,
        };
        self.tokens = read.filter(is_plausible).or(self.tokens);
    }

    /// One more of the answers that a socket brings.
    pub fn add(&mut self, more: TokenCounts) {
        let sum = self.tokens.unwrap_or_default();
        self.tokens = Some(TokenCounts {
            input: sum.input.saturating_add(more.input),
            cached: sum.cached.saturating_add(more.cached),
            cache_written: sum.cache_written.saturating_add(more.cache_written),
            audio_input: sum.audio_input.saturating_add(more.audio_input),
            output: sum.output.saturating_add(more.output),
            audio_output: sum.audio_output.saturating_add(more.audio_output),
        });
    }

    /// What a reply that ended early has used, from what was delivered of it.
    pub fn estimated(&self, request_chars: u64, delivered_chars: u64) -> TokenCounts {
        let seen_chars = if self.text_chars > 0 { self.text_chars } else { delivered_chars };
        let output = seen_chars.div_ceil(CHARS_PER_TOKEN);
        match self.tokens {
            Some(tokens) => TokenCounts { output: tokens.output.max(output), ..tokens },
            None => TokenCounts { input: request_chars.div_ceil(CHARS_PER_TOKEN), output, ..TokenCounts::default() },
        }
    }
}

/// The figures of one answer over a socket; none that are not plausible.
pub fn answer_usage(shape: UsageShape, usage: &Value) -> Option<TokenCounts> {
    let read = match shape {
        UsageShape::OpenAi => openai_usage(usage),
        UsageShape::Gemini => gemini_usage(usage),
        UsageShape::Anthropic | UsageShape::Cloudflare | UsageShape::Replicate | UsageShape::None => None,
    };
    read.filter(is_plausible)
}

/// The chunk that `stream_options.include_usage` adds to a chat stream.
pub fn is_usage_only_chunk(event: &Value) -> bool {
    event["usage"].is_object() && event["choices"].as_array().is_some_and(Vec::is_empty)
}

fn count(usage: &Value, name: &str) -> Option<u64> {
    usage.get(name).and_then(Value::as_u64)
}

fn openai_usage(usage: &Value) -> Option<TokenCounts> {
    let input = count(usage, "prompt_tokens").or_else(|| count(usage, "input_tokens"))?;
    // The last one is the realtime API's own spelling.
    let details = [&usage["prompt_tokens_details"], &usage["input_tokens_details"], &usage["input_token_details"]];
    let of_input = |name| details.iter().find_map(|details| count(details, name));
    // DeepSeek has a name of its own for it.
    let cached = of_input("cached_tokens").or_else(|| count(usage, "prompt_cache_hit_tokens")).unwrap_or(0);
    // Embeddings report no output.
    let said = count(usage, "completion_tokens").or_else(|| count(usage, "output_tokens")).unwrap_or(0);
    // Some (xAI) leave reasoning out of this figure, but not out of the total, nor out of the bill.
    let output = count(usage, "total_tokens").map_or(said, |total| said.max(total.saturating_sub(input)));
    Some(TokenCounts {
        input,
        cached,
        cache_written: 0,
        audio_input: of_input("audio_tokens").unwrap_or(0),
        output,
        audio_output: audio_output(usage),
    })
}

fn audio_output(usage: &Value) -> u64 {
    let details =
        [&usage["completion_tokens_details"], &usage["output_tokens_details"], &usage["output_token_details"]];
    details.iter().find_map(|details| count(details, "audio_tokens")).unwrap_or(0)
}

/// Models that are paid by the second report none.
fn replicate_usage(metrics: &Value) -> Option<TokenCounts> {
    let (input, output) = (count(metrics, "input_token_count")?, count(metrics, "output_token_count")?);
    Some(TokenCounts { input, output, ..TokenCounts::default() })
}

fn anthropic_usage(usage: &Value, before: TokenCounts) -> Option<TokenCounts> {
    let output = count(usage, "output_tokens").unwrap_or(before.output);
    let Some(fresh) = count(usage, "input_tokens") else {
        return Some(TokenCounts { output, ..before });
    };
    let cached = count(usage, "cache_read_input_tokens").unwrap_or(before.cached);
    let cache_written = count(usage, "cache_creation_input_tokens").unwrap_or(before.cache_written);
    let input = fresh.checked_add(cached)?.checked_add(cache_written)?;
    Some(TokenCounts { input, cached, cache_written, output, ..TokenCounts::default() })
}

fn gemini_usage(usage: &Value) -> Option<TokenCounts> {
    let of = |name| count(usage, name).unwrap_or(0);
    let input = of("promptTokenCount").checked_add(of("toolUsePromptTokenCount"))?;
    // Over a socket, an answer is no candidate.
    let said = of("candidatesTokenCount").checked_add(of("responseTokenCount"))?;
    let output = said.checked_add(of("thoughtsTokenCount"))?;
    Some(TokenCounts {
        input,
        cached: of("cachedContentTokenCount"),
        cache_written: 0,
        audio_input: gemini_audio(usage, "promptTokensDetails"),
        output,
        audio_output: gemini_audio(usage, "candidatesTokensDetails")
            .saturating_add(gemini_audio(usage, "responseTokensDetails")),
    })
}

fn gemini_audio(usage: &Value, details: &str) -> u64 {
    let of_modality = usage[details].as_array().into_iter().flatten();
    let audio = of_modality.filter(|part| part["modality"] == "AUDIO");
    audio.filter_map(|part| count(part, "tokenCount")).fold(0, u64::saturating_add)
}

fn is_plausible(tokens: &TokenCounts) -> bool {
    let within_input = tokens.cached.checked_add(tokens.cache_written).is_some_and(|part| part <= tokens.input);
    let audio_within = tokens.audio_input <= tokens.input && tokens.audio_output <= tokens.output;
    tokens.input <= PLAUSIBLE_TOKENS && tokens.output <= PLAUSIBLE_TOKENS && within_input && audio_within
}
