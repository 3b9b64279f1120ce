//! What a call cost, from `prices.json`: list prices in micro-USD per million tokens, each with its source and the day
//! from which it holds. An unknown model has no price; it is never guessed.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde::Deserialize;
use time::{Date, OffsetDateTime};

use crate::usage::TokenCounts;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    sources: Vec<Source>,
    prices: Vec<Price>,
}

/// A provider's public price page, and the day whose list these prices are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub provider: String,
    pub source: String,
    #[serde(with = "iso_date")]
    pub as_of: Date,
}

time::serde::format_description!(iso_date, Date, "[year]-[month]-[day]");

#[derive(Debug, Deserialize)]
struct Price {
    provider: String,
    models: Vec<String>,
    /// The price holds from this day (UTC) until a later entry for the same model.
    #[serde(with = "iso_date")]
    from: Date,
    #[serde(flatten)]
    rate: Rate,
    /// The rate for the whole call when its input is longer than `over_input_tokens`.
    long_context: Option<LongContext>,
    /// The longest answer these models give, where it is known.
    max_output_tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Rate {
    input: u64,
    /// Same as `input` where the provider has no discount.
    cached: Option<u64>,
    /// Same as `input` where writing the cache has no price of its own.
    cache_written: Option<u64>,
    /// Same as `input` where sound has no price of its own. Sound that was cached counts as fresh.
    audio_input: Option<u64>,
    output: u64,
    /// Same as `output`.
    audio_output: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct LongContext {
    over_input_tokens: u64,
    #[serde(flatten)]
    rate: Rate,
}

static PRICES: LazyLock<PriceFile> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../prices.json")).expect("the price file is valid: a test reads it")
});

pub fn sources() -> &'static [Source] {
    &PRICES.sources
}

/// The longest answer that a model gives, in tokens, where that is known.
pub fn max_output_tokens(provider: &str, model: &str, at: OffsetDateTime) -> Option<u64> {
    listed(provider, model, at)?.max_output_tokens
}

fn listed(provider: &str, model: &str, at: OffsetDateTime) -> Option<&'static Price> {
    let model = model.strip_prefix("models/").unwrap_or(model);
    price_of(provider, model, at.date()).or_else(|| price_of(provider, without_date(model)?, at.date()))
}

/// Whole micro-USD, rounded up. `None` when the model has no known price at that time.
pub fn cost_micro_usd(provider: &str, model: &str, tokens: TokenCounts, at: OffsetDateTime) -> Option<u64> {
    let price = listed(provider, model, at)?;
    let rate = match &price.long_context {
        Some(long) if tokens.input > long.over_input_tokens => long.rate,
        Some(_) | None => price.rate,
    };
    let fresh = tokens.input.checked_sub(tokens.cached)?.checked_sub(tokens.cache_written)?;
    // How much of the cached part was sound is not told; the dearer reading is taken.
    let audio = tokens.audio_input.min(fresh);
    let spoken = tokens.audio_output.min(tokens.output);
    let parts = [
        (fresh - audio, rate.input),
        (audio, rate.audio_input.unwrap_or(rate.input)),
        (tokens.cached, rate.cached.unwrap_or(rate.input)),
        (tokens.cache_written, rate.cache_written.unwrap_or(rate.input)),
        (tokens.output - spoken, rate.output),
        (spoken, rate.audio_output.unwrap_or(rate.output)),
    ];
    let total: u128 = parts.iter().map(|&(count, rate)| u128::from(count) * u128::from(rate)).sum();
    u64::try_from(total.div_ceil(1_000_000)).ok()
}

/// What a call cost whose reply may name the model more closely than the price list does (`gpt-3.5-turbo-0125`): then the
/// name that was asked for counts, of which the reply's is a version.
pub fn cost_of_call(
    provider: &str,
    (reported, asked): (Option<&str>, Option<&str>),
    tokens: TokenCounts,
    at: OffsetDateTime,
) -> Option<u64> {
    let bare = |model: &'_ str| model.strip_prefix("models/").unwrap_or(model).to_owned();
    let reported_or_asked = reported.or(asked)?;
    cost_micro_usd(provider, reported_or_asked, tokens, at).or_else(|| {
        let asked = asked.filter(|asked| bare(reported_or_asked).starts_with(&format!("{}-", bare(asked))))?;
        cost_micro_usd(provider, asked, tokens, at)
    })
}

fn price_of(provider: &str, model: &str, on: Date) -> Option<&'static Price> {
    let entries = BY_MODEL.get(provider)?.get(model)?;
    entries.iter().copied().filter(|price| price.from <= on).max_by_key(|price| price.from)
}

/// All entries of a provider's model, in the order of the file.
type ByModel = FxHashMap<&'static str, FxHashMap<&'static str, Vec<&'static Price>>>;

static BY_MODEL: LazyLock<ByModel> = LazyLock::new(|| {
    let mut by_model = ByModel::default();
    for price in &PRICES.prices {
        let models = by_model.entry(&price.provider).or_default();
        price.models.iter().for_each(|name| models.entry(name).or_default().push(price));
    }
    by_model
});

/// `gpt-4o-2024-08-06`, `claude-sonnet-4-20250514`, `gemini-2.0-flash-001`, `…-latest`: the name before the version.
pub(crate) fn without_date(model: &str) -> Option<&str> {
    let numeric = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    let (before, last) = model.rsplit_once('-')?;
    if last == "latest" || numeric(last, 8) || numeric(last, 3) {
        return Some(before);
    }
    let (before, month) = before.rsplit_once('-')?;
    let (name, year) = before.rsplit_once('-')?;
    (numeric(last, 2) && numeric(month, 2) && numeric(year, 4)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-15 12:00 UTC);

    fn tokens(input: u64, cached: u64, output: u64) -> TokenCounts {
        TokenCounts { input, cached, output, ..TokenCounts::default() }
    }

    #[test]
    fn every_entry_has_a_source_and_reads() {
        assert!(!PRICES.prices.is_empty());
        for price in &PRICES.prices {
            assert!(sources().iter().any(|source| source.provider == price.provider), "{price:?}");
            assert!(price.rate.cached.is_none_or(|cached| cached <= price.rate.input), "{price:?}");
        }
    }

    #[test]
    fn costs_by_hand() {
        for (provider, model, counts, want) in [
            ("openai", "gpt-4o-mini", tokens(1_000_000, 0, 1_000_000), Some(750_000)),
            ("openai", "gpt-4o-mini-2024-07-18", tokens(1_000_000, 400_000, 0), Some(90_000 + 30_000)),
            ("openai", "text-embedding-3-small", tokens(1_000, 0, 0), Some(20)),
            ("openai", "gpt-4o-mini", tokens(1, 0, 0), Some(1)),
            ("anthropic", "claude-sonnet-4-5-20250929", tokens(1_000_000, 0, 0), Some(3_000_000)),
            ("gemini", "models/gemini-2.5-pro", tokens(200_000, 0, 0), Some(250_000)),
            ("gemini", "gemini-2.5-pro", tokens(200_001, 0, 0), Some(500_003)),
            ("openai", "gpt-unheard-of", tokens(1, 0, 1), None),
            ("anthropic", "gpt-4o-mini", tokens(1, 0, 1), None),
            ("openai", "gpt-4o-mini", tokens(1, 2, 1), None),
        ] {
            assert_eq!(cost_micro_usd(provider, model, counts, NOW), want, "{model} {counts:?}");
        }
    }

    #[test]
    fn a_version_that_has_no_price_costs_what_was_asked_for() {
        let cost = |reported, asked| cost_of_call("openai", (reported, asked), tokens(1_000_000, 0, 0), NOW);
        let mini = cost(Some("gpt-4o-mini"), None);
        assert!(mini.is_some());
        assert_eq!(cost(Some("gpt-4o-mini-0125"), Some("gpt-4o-mini")), mini);
        assert_eq!(cost(Some("gpt-4o-mini-v2"), Some("models/gpt-4o-mini")), mini);
        assert_eq!(cost(None, Some("gpt-4o-mini")), mini);
        assert_eq!(cost(Some("gpt-unheard-of"), Some("gpt-4o-mini")), None);
        assert_eq!(cost(Some("gpt-4o-mini-0125"), None), None);
    }

    #[test]
    fn sound_has_its_own_price() {
        let counts = TokenCounts { audio_input: 400_000, ..tokens(1_000_000, 0, 0) };
        assert_eq!(cost_micro_usd("gemini", "gemini-2.5-flash", counts, NOW), Some(600_000 * 3 / 10 + 400_000));
        assert_eq!(cost_micro_usd("openai", "gpt-4o-mini", counts, NOW), Some(150_000));
    }

    #[test]
    fn the_longest_answer_is_known_by_any_name_of_the_model() {
        assert_eq!(max_output_tokens("openai", "gpt-4o-mini-2024-07-18", NOW), Some(16_384));
        assert_eq!(max_output_tokens("gemini", "models/gemini-2.0-flash-001", NOW), Some(8_192));
        assert_eq!(max_output_tokens("openai", "text-embedding-3-small", NOW), None);
        assert_eq!(max_output_tokens("openai", "gpt-unheard-of", NOW), None);
    }

    #[test]
    fn a_written_cache_has_its_own_price() {
        let counts = TokenCounts { input: 1_000_000, cache_written: 1_000_000, ..TokenCounts::default() };
        assert_eq!(cost_micro_usd("anthropic", "claude-sonnet-4-5", counts, NOW), Some(3_750_000));
    }

    #[test]
    fn the_price_of_the_day_counts() {
        let counts = tokens(1_000_000, 0, 0);
        assert_eq!(cost_micro_usd("openai", "o3", counts, datetime!(2025-06-09 23:59 UTC)), Some(10_000_000));
        assert_eq!(cost_micro_usd("openai", "o3", counts, datetime!(2025-06-10 00:00 UTC)), Some(2_000_000));
        assert_eq!(cost_micro_usd("openai", "o3", counts, datetime!(2025-04-01 00:00 UTC)), None);
    }
}
