//! Server functions of prices.

use keyward_domain::ids::AppId;
use leptos::prelude::*;

use crate::error::PageError;

#[cfg(feature = "ssr")]
use {crate::context::signed_in, crate::stored::stored, keyward_domain::validate::PriceForm};

#[server(endpoint = "put-price")]
pub async fn put_price(
    app: AppId,
    provider: String,
    model: String,
    input: String,
    output: String,
    #[server(default)] cached: String,
    #[server(default)] per_request: String,
) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    let form = PriceForm { provider, model, input, output, cached, per_request };
    let kept = [
        ("provider", form.provider.as_str()),
        ("model", &form.model),
        ("input", &form.input),
        ("output", &form.output),
        ("cached", &form.cached),
        ("per_request", &form.per_request),
    ];
    control.put_price(&actor, app, &form).await.map_err(|error| PageError::from(error).keeping(kept))
}

/// `price` is the price itself, as the page showed it.
#[server(endpoint = "remove-price")]
pub async fn remove_price(app: AppId, price: String) -> Result<(), PageError> {
    let (control, actor) = signed_in().await?;
    Ok(control.remove_price(&actor, app, &stored(&price)?).await?)
}
