//! What a call costs this developer: the prices they gave, then the list's, then their price for everything else.

use time::OffsetDateTime;

use crate::limits::worst_case::WorstCase;
use crate::policy::PriceOverride;
use crate::prices;
use crate::usage::TokenCounts;

/// In `PriceOverride::model`: every call that has no other price.
const ANY_MODEL: &str = "*";

#[derive(Clone, Copy, Debug)]
pub struct CallPrice<'a> {
    pub provider: &'a str,
    pub overrides: &'a [PriceOverride],
}

impl CallPrice<'_> {
    /// Whole micro-USD, rounded up; `None` when no price is known. A call that reported no tokens has at most a price per
    /// request.
    pub fn of(
        &self,
        (reported, asked): (Option<&str>, Option<&str>),
        tokens: Option<TokenCounts>,
        at: OffsetDateTime,
    ) -> Option<u64> {
        if let Some(price) = [reported, asked].into_iter().flatten().find_map(|model| self.given(model)) {
            return priced(price, tokens);
        }
        let listed = tokens.and_then(|tokens| prices::cost_of_call(self.provider, (reported, asked), tokens, at));
        listed.or_else(|| priced(self.exactly(ANY_MODEL)?, tokens))
    }

    /// The most that a call may cost; a cache that is written, or sound, may cost more than text.
    pub fn at_worst(&self, model: Option<&str>, worst: WorstCase, at: OffsetDateTime) -> Option<u64> {
        let WorstCase { input_tokens: input, output_tokens: output, has_media } = worst;
        let plain = worst.tokens();
        let writing = TokenCounts { cache_written: input, ..plain };
        let (audio_input, audio_output) = if has_media { (input, output) } else { (0, 0) };
        let spoken = TokenCounts { audio_input, audio_output, ..plain };
        let readings = if has_media { &[plain, writing, spoken][..] } else { &[plain, writing] };
        readings.iter().filter_map(|tokens| self.of((None, model), Some(*tokens), at)).max()
    }

    /// What the developer says that something beside the model's work costs; see `extras`.
    pub fn of_extra(&self, name: &str, tokens: Option<TokenCounts>) -> Option<u64> {
        let price = self.exactly(name)?;
        Some(priced(price, tokens).unwrap_or(0))
    }

    fn given(&self, model: &str) -> Option<&PriceOverride> {
        if self.overrides.is_empty() {
            return None;
        }
        let model = model.strip_prefix("models/").unwrap_or(model);
        self.exactly(model).or_else(|| self.exactly(prices::without_date(model)?))
    }

    fn exactly(&self, model: &str) -> Option<&PriceOverride> {
        self.overrides.iter().find(|price| price.provider == self.provider && price.model == model)
    }
}

fn priced(price: &PriceOverride, tokens: Option<TokenCounts>) -> Option<u64> {
    let Some(tokens) = tokens else { return (price.per_request > 0).then_some(price.per_request) };
    let fresh = tokens.input.checked_sub(tokens.cached)?;
    let parts = [
        (fresh, price.input_per_million),
        (tokens.cached, price.cached_per_million.unwrap_or(price.input_per_million)),
        (tokens.output, price.output_per_million),
    ];
    let total: u128 = parts.iter().map(|&(count, rate)| u128::from(count) * u128::from(rate)).sum();
    u64::try_from(total.div_ceil(1_000_000)).ok()?.checked_add(price.per_request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-01-15 12:00 UTC);

    fn price(provider: &str, model: &str, input_per_million: u64, per_request: u64) -> PriceOverride {
        let (provider, model) = (provider.to_owned(), model.to_owned());
        PriceOverride {
            provider,
            model,
            input_per_million,
            output_per_million: 0,
            cached_per_million: None,
            per_request,
        }
    }

    fn million() -> Option<TokenCounts> {
        Some(TokenCounts { input: 1_000_000, ..TokenCounts::default() })
    }

    #[test]
    fn the_developers_price_comes_before_the_lists_and_the_price_for_all_behind() {
        let overrides =
            [price("openai", "gpt-4o-mini", 7, 0), price("openai", "*", 11, 2), price("custom", "*", 0, 50)];
        let cost = |provider, names, tokens| CallPrice { provider, overrides: &overrides }.of(names, tokens, NOW);
        assert_eq!(cost("openai", (Some("gpt-4o-mini-2024-07-18"), Some("gpt-4o-mini")), million()), Some(7));
        assert_eq!(cost("openai", (None, Some("gpt-4.1-nano")), million()), Some(100_000));
        assert_eq!(cost("openai", (None, Some("unheard-of")), million()), Some(13));
        assert_eq!(cost("openai", (None, Some("unheard-of")), None), Some(2));
        assert_eq!(cost("custom", (None, None), None), Some(50));
        assert_eq!(cost("anthropic", (None, Some("unheard-of")), million()), None);
    }

    #[test]
    fn the_worst_case_counts_a_cache_that_is_written() {
        let worst = WorstCase { input_tokens: 1_000_000, ..WorstCase::default() };
        let cost = CallPrice { provider: "anthropic", overrides: &[] }.at_worst(Some("claude-sonnet-4-5"), worst, NOW);
        assert_eq!(cost, Some(3_750_000));
    }
}
