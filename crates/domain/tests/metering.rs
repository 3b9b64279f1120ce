//! Token counts in each provider's shape, from streams cut anywhere.

use keyward_domain::metering::{self, Reported, asked_model, is_usage_only_chunk};
use keyward_domain::provider::UsageShape;
use keyward_domain::sse::{self, Cut, SseSplitter};
use keyward_domain::usage::TokenCounts;
use proptest::prelude::*;
use serde_json::json;

fn counts(input: u64, cached: u64, output: u64) -> TokenCounts {
    TokenCounts { input, cached, output, ..TokenCounts::default() }
}

/// Reads a stream in pieces that end at the given places.
fn read(shape: UsageShape, stream: &[u8], mut ends: Vec<usize>) -> (Reported, Vec<u8>) {
    ends.push(stream.len());
    ends.sort_unstable();
    let (mut splitter, mut reported, mut passed, mut from) =
        (SseSplitter::default(), Reported::default(), Vec::new(), 0);
    for end in ends {
        splitter.push(&stream[from..end]);
        from = end;
        while let Some(cut) = splitter.next_cut() {
            if let Cut::Event(event) = &cut
                && let Some(data) = sse::data(event)
                && let Ok(value) = serde_json::from_str(&data)
            {
                reported.read_event(shape, &value);
            }
            passed.extend(cut.into_bytes());
        }
    }
    passed.extend(splitter.take_rest());
    (reported, passed)
}

const OPENAI_CHAT: &str = concat!(
    "data: {\"id\":\"c\",\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"usage\":null}\n\n",
    "data: {\"id\":\"c\",\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"delta\":{\"content\":\"Hällo\"}}],\"usage\":null}\n\n",
    "data: {\"id\":\"c\",\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n",
    "data: [DONE]\n\n"
);
const OPENAI_RESPONSES: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-4.1\",\"usage\":null}}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi!\"}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-4.1\",\"usage\":{\"input_tokens\":7,\"input_tokens_details\":{\"cached_tokens\":1},\"output_tokens\":3}}}\n\n",
);
const ANTHROPIC: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5\",\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":5,\"cache_read_input_tokens\":20,\"output_tokens\":1}}}\n\n",
    ": ping\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello there\"}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":6}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
);
const GEMINI: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"He\"}]}}],\"usageMetadata\":{\"promptTokenCount\":4},\"modelVersion\":\"gemini-2.5-flash\"}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"llo\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":5,\"cachedContentTokenCount\":3},\"modelVersion\":\"gemini-2.5-flash\"}\r\n\r\n"
);

const GROQ: &str = concat!(
    "data: {\"model\":\"llama-3.1-8b-instant\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}],\"x_groq\":{\"id\":\"req_1\"}}\n\n",
    "data: {\"model\":\"llama-3.1-8b-instant\",\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n",
    "data: {\"model\":\"llama-3.1-8b-instant\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"req_1\",\"usage\":{\"queue_time\":0.1,\"prompt_tokens\":6,\"completion_tokens\":2,\"total_tokens\":8}}}\n\n",
    "data: [DONE]\n\n"
);
const CLOUDFLARE: &str = concat!(
    "data: {\"response\":\"Hel\"}\n\n",
    "data: {\"response\":\"lo\",\"model\":\"m\",\"usage\":null}\n\n",
    "data: {\"response\":\"\",\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2,\"total_tokens\":6}}\n\n",
    "data: [DONE]\n\n"
);

fn streams() -> [(UsageShape, &'static str, &'static str, TokenCounts, u64); 6] {
    [
        (UsageShape::OpenAi, OPENAI_CHAT, "gpt-4o-mini-2024-07-18", counts(9, 4, 2), 5),
        (UsageShape::OpenAi, OPENAI_RESPONSES, "gpt-4.1", counts(7, 1, 3), 3),
        (
            UsageShape::Anthropic,
            ANTHROPIC,
            "claude-sonnet-4-5",
            TokenCounts { cache_written: 5, ..counts(35, 20, 6) },
            11,
        ),
        (UsageShape::Gemini, GEMINI, "gemini-2.5-flash", counts(4, 3, 7), 5),
        (UsageShape::OpenAi, GROQ, "llama-3.1-8b-instant", counts(6, 0, 2), 5),
        (UsageShape::Cloudflare, CLOUDFLARE, "m", counts(4, 0, 2), 5),
    ]
}

#[test]
fn a_model_name_of_the_client_s_is_cut_between_characters() {
    assert_eq!(asked_model("gpt-4o-mini"), "gpt-4o-mini");
    assert_eq!(asked_model(&"é".repeat(1 << 20)), "é".repeat(128));
}

proptest! {
    #[test]
    fn counts_tokens_at_any_chunking_and_changes_no_byte(which in 0..6_usize, ends in prop::collection::vec(0..2_000_usize, 0..40)) {
        let (shape, stream, model, tokens, chars) = streams()[which];
        let ends = ends.into_iter().map(|end| end % stream.len()).collect();
        let (reported, passed) = read(shape, stream.as_bytes(), ends);
        prop_assert_eq!(reported.model.as_deref(), Some(model));
        prop_assert_eq!(reported.tokens, Some(tokens));
        prop_assert_eq!(reported.text_chars, chars);
        prop_assert_eq!(passed, stream.as_bytes());
    }

    #[test]
    fn reads_a_plain_reply_at_any_chunking(size in 1..60_usize) {
        let text = json!({"object": "list", "data": [{"embedding": [0.1, 0.2]}], "model": "text-embedding-3-small",
            "usage": {"prompt_tokens": 8, "total_tokens": 8}}).to_string();
        let mut scan = metering::members(UsageShape::OpenAi);
        text.as_bytes().chunks(size).for_each(|chunk| scan.push(chunk));
        let mut reported = Reported::default();
        reported.read_members(UsageShape::OpenAi, &scan);
        prop_assert_eq!(reported.model.as_deref(), Some("text-embedding-3-small"));
        prop_assert_eq!(reported.tokens, Some(counts(8, 0, 0)));
    }
}

#[test]
fn a_stream_that_ended_early_is_estimated_never_zero() {
    for (shape, stream, _, _, _) in streams() {
        let third_event = stream
            .match_indices("data:")
            .nth(1)
            .map_or(stream.len(), |(at, _)| at + stream[at..].find("\n").unwrap_or(0) + 4);
        let (reported, _) = read(shape, &stream.as_bytes()[..third_event.min(stream.len())], vec![]);
        let estimate = reported.estimated(40, third_event as u64);
        assert!(estimate.input > 0 && estimate.output > 0, "{shape:?} {estimate:?}");
    }
    let nothing_read = Reported::default().estimated(10, 1);
    assert_eq!(nothing_read, counts(3, 0, 1));
}

#[test]
fn a_reported_start_is_kept_when_the_end_is_estimated() {
    let mut reported = Reported::default();
    reported.read_event(
        UsageShape::Anthropic,
        &json!({"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 50, "output_tokens": 1}}}),
    );
    reported
        .read_event(UsageShape::Anthropic, &json!({"type": "content_block_delta", "delta": {"text": "x".repeat(40)}}));
    assert_eq!(reported.estimated(4_000, 9_999), counts(50, 0, 10));
}

#[test]
fn implausible_figures_are_not_believed() {
    for usage in [
        json!({"prompt_tokens": -1, "completion_tokens": 2}),
        json!({"prompt_tokens": 1.5, "completion_tokens": 2}),
        json!({"prompt_tokens": "9", "completion_tokens": 2}),
        json!({"prompt_tokens": 1e300, "completion_tokens": 2}),
        json!({"prompt_tokens": 18_446_744_073_709_551_615_u64, "completion_tokens": 2}),
        json!({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}),
        json!([]),
    ] {
        let mut reported = Reported::default();
        reported.read_event(UsageShape::OpenAi, &json!({"usage": usage.clone()}));
        assert_eq!(reported.tokens, None, "{usage}");
    }
}

#[test]
fn only_the_chunk_that_was_asked_for_is_hidden() {
    assert!(is_usage_only_chunk(&json!({"choices": [], "usage": {"prompt_tokens": 1}})));
    assert!(!is_usage_only_chunk(&json!({"choices": [], "prompt_filter_results": []})));
    assert!(!is_usage_only_chunk(&json!({"choices": [{"delta": {}}], "usage": {"prompt_tokens": 1}})));
    assert!(!is_usage_only_chunk(&json!({"choices": [{"delta": {}}], "usage": null})));
}

fn of_members(shape: UsageShape, reply: &serde_json::Value) -> Option<TokenCounts> {
    let mut scan = metering::members(shape);
    scan.push(reply.to_string().as_bytes());
    let mut reported = Reported::default();
    reported.read_members(shape, &scan);
    reported.tokens
}

#[test]
fn each_providers_own_figures_are_read() {
    let usage = |usage: serde_json::Value| json!({"model": "m", "choices": [], "usage": usage});
    for (shape, reply, want) in [
        // DeepSeek's cache.
        (
            UsageShape::OpenAi,
            usage(json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12,
                "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 2})),
            Some(counts(10, 8, 2)),
        ),
        // xAI's reasoning, which only the total holds.
        (
            UsageShape::OpenAi,
            usage(json!({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94}})),
            Some(counts(32, 0, 103)),
        ),
        // OpenAI's reasoning, which the completion holds too.
        (
            UsageShape::OpenAi,
            usage(json!({"prompt_tokens": 5, "completion_tokens": 90, "total_tokens": 95,
                "completion_tokens_details": {"reasoning_tokens": 64}})),
            Some(counts(5, 0, 90)),
        ),
        (
            UsageShape::OpenAi,
            usage(json!({"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50,
                "prompt_tokens_details": {"audio_tokens": 12}, "completion_tokens_details": {"audio_tokens": 25}})),
            Some(TokenCounts { audio_input: 12, audio_output: 25, ..counts(20, 0, 30) }),
        ),
        // OpenRouter and Perplexity name a cost of their own, which is not ours to believe.
        (
            UsageShape::OpenAi,
            usage(json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cost": 0.5})),
            Some(counts(3, 0, 4)),
        ),
        (
            UsageShape::Cloudflare,
            json!({"success": true, "result": {"response": "Hi", "usage": {"prompt_tokens": 3, "completion_tokens": 1}}}),
            Some(counts(3, 0, 1)),
        ),
        (
            UsageShape::Replicate,
            json!({"id": "p", "model": "m", "metrics": {"input_token_count": 7, "output_token_count": 9, "predict_time": 1.0}}),
            Some(counts(7, 0, 9)),
        ),
        (UsageShape::Replicate, json!({"id": "p", "metrics": {"predict_time": 1.0}}), None),
        (
            UsageShape::Gemini,
            json!({"usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 1,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}, {"modality": "AUDIO", "tokenCount": 80}]}}),
            Some(TokenCounts { audio_input: 80, ..counts(100, 0, 1) }),
        ),
        (UsageShape::None, usage(json!({"prompt_tokens": 3, "completion_tokens": 4})), None),
    ] {
        assert_eq!(of_members(shape, &reply), want, "{shape:?} {reply}");
    }
}
