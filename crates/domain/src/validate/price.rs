//! A developer's own prices as a form sends them: dollars for a million tokens, dollars for a request.

use serde::{Deserialize, Serialize};

use super::money::micro_usd;
use super::{FieldError, is_model_name};
use crate::catalogue;
use crate::policy::PriceOverride;

pub const MAX_PRICES: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceForm {
    pub provider: String,
    /// `*` for every model without a price of its own.
    pub model: String,
    pub input: String,
    pub output: String,
    /// Empty: as `input`.
    pub cached: String,
    /// Empty: nothing.
    pub per_request: String,
}

pub fn price(form: &PriceForm) -> Result<PriceOverride, FieldError> {
    let provider = catalogue::provider(&form.provider)
        .ok_or_else(|| FieldError::new("provider", "choose an API from the list"))?;
    let model = form.model.trim();
    if model != "*" && !is_model_name(model) {
        return Err(FieldError::new(
            "model",
            "enter the model’s name as your app sends it, or * for every other model",
        ));
    }
    let required = |field, text: &str| micro_usd(text).map_err(|reason| FieldError::new(field, reason));
    let optional = |field, text: &str| {
        if text.trim().is_empty() { Ok(None) } else { required(field, text).map(Some) }
    };
    Ok(PriceOverride {
        provider: provider.name.clone(),
        model: model.to_owned(),
        input_per_million: required("input", &form.input)?,
        output_per_million: required("output", &form.output)?,
        cached_per_million: optional("cached", &form.cached)?,
        per_request: optional("per_request", &form.per_request)?.unwrap_or(0),
    })
}

/// Takes the place of the same model's.
pub fn put_price(prices: &mut Vec<PriceOverride>, price: PriceOverride) -> Result<(), FieldError> {
    let same = |other: &&mut PriceOverride| other.provider == price.provider && other.model == price.model;
    if let Some(same) = prices.iter_mut().find(same) {
        *same = price;
        return Ok(());
    }
    if prices.len() >= MAX_PRICES {
        return Err(FieldError::new("model", format!("at most {MAX_PRICES} prices; remove one first")));
    }
    prices.push(price);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> PriceForm {
        PriceForm {
            provider: "openai".to_owned(),
            model: "my-model".to_owned(),
            input: "0.15".to_owned(),
            output: "0.60".to_owned(),
            cached: String::new(),
            per_request: String::new(),
        }
    }

    #[test]
    fn a_price_is_kept_in_whole_micro_dollars() {
        let price = price(&form()).expect("fine");
        assert_eq!((price.input_per_million, price.output_per_million), (150_000, 600_000));
        assert_eq!((price.cached_per_million, price.per_request), (None, 0));
        let mut prices = Vec::new();
        put_price(&mut prices, price.clone()).expect("room");
        put_price(&mut prices, PriceOverride { input_per_million: 7, ..price }).expect("room");
        assert_eq!((prices.len(), prices[0].input_per_million), (1, 7));
    }

    #[test]
    fn refuses_fields_by_name() {
        for (form, field) in [
            (PriceForm { provider: "nonesuch".to_owned(), ..form() }, "provider"),
            (PriceForm { model: String::new(), ..form() }, "model"),
            (PriceForm { model: "gpt-*".to_owned(), ..form() }, "model"),
            (PriceForm { input: "-1".to_owned(), ..form() }, "input"),
            (PriceForm { output: String::new(), ..form() }, "output"),
            (PriceForm { cached: "x".to_owned(), ..form() }, "cached"),
            (PriceForm { per_request: "0.0000001".to_owned(), ..form() }, "per_request"),
        ] {
            assert_eq!(price(&form).expect_err("refused").field, field, "{form:?}");
        }
    }
}
