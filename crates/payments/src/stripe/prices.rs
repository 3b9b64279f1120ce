//! Prices and products: what a rule may name, and what Stripe says of a name that one asks for.

use std::collections::{BTreeSet, HashMap};

use keyward_domain::plans::StripePermission;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::client::{Client, Question};
use super::events::Reference;
use super::records::{List, OfferedPrice, OfferedProduct};
use crate::seller::{Named, Offer, ReadError, is_plain_id};

const ROWS: &str = "100";

#[derive(Deserialize)]
pub(crate) struct Price {
    id: String,
    #[serde(default)]
    pub active: bool,
    currency: String,
    currency_options: Option<HashMap<String, IgnoredAny>>,
    recurring: Option<IgnoredAny>,
    product: Option<Reference>,
}

impl Price {
    pub fn is_recurring(&self) -> bool {
        self.recurring.is_some()
    }

    /// In lower case, as Stripe writes them.
    pub fn currencies(&self) -> BTreeSet<String> {
        let others = self.currency_options.iter().flat_map(HashMap::keys);
        others.chain([&self.currency]).cloned().collect()
    }
}

/// `None` where this key's mode has none of that id.
pub(crate) async fn price(client: &Client, id: &str) -> Result<Option<Price>, ReadError> {
    if !is_plain_id(id) {
        return Ok(None);
    }
    let path = format!("/prices/{id}");
    let query = [("expand[]", "currency_options")];
    let question = Question { permission: StripePermission::Prices, path: &path, query: &query };
    known(client.get(question).await)
}

pub(super) async fn look_up(client: &Client, name: &str) -> Result<Named, ReadError> {
    if name.starts_with("prod_") {
        return product(client, name).await;
    }
    let by_key = if name.starts_with("price_") { None } else { by_lookup_key(client, name).await? };
    let found = match by_key {
        Some(found) => Some(found),
        None => price(client, name).await?,
    };
    match found {
        None => Ok(Named::Unknown),
        Some(found) if !found.is_recurring() => Ok(Named::PaidOnce),
        Some(found) => beside(client, found).await,
    }
}

async fn product(client: &Client, id: &str) -> Result<Named, ReadError> {
    if !is_plain_id(id) {
        return Ok(Named::Unknown);
    }
    let path = format!("/products/{id}");
    let question = Question { permission: StripePermission::Products, path: &path, query: &[] };
    let found: Option<IgnoredAny> = known(client.get(question).await)?;
    Ok(if found.is_some() { Named::Sold } else { Named::Unknown })
}

async fn by_lookup_key(client: &Client, key: &str) -> Result<Option<Price>, ReadError> {
    let query = [("lookup_keys[]", key), ("limit", "1"), ("expand[]", "data.currency_options")];
    let question = Question { permission: StripePermission::Prices, path: "/prices", query: &query };
    let list: List<Price> = client.get(question).await?;
    Ok(list.data.into_iter().next())
}

/// Whether the same thing is sold in a currency that this price does not have.
async fn beside(client: &Client, price: Price) -> Result<Named, ReadError> {
    let Some(product) = &price.product else { return Ok(Named::Sold) };
    let query = [("product", product.id()), ("active", "true"), ("limit", ROWS), ("expand[]", "data.currency_options")];
    let question = Question { permission: StripePermission::Prices, path: "/prices", query: &query };
    let list: List<Price> = client.get(question).await?;
    let own = price.currencies();
    let others = list.data.iter().filter(|other| other.id != price.id && other.is_recurring());
    let currencies: BTreeSet<String> =
        others.flat_map(Price::currencies).filter(|currency| !own.contains(currency)).collect();
    if currencies.is_empty() {
        return Ok(Named::Sold);
    }
    Ok(Named::AlsoInOtherCurrencies { product: product.id().to_owned(), currencies: currencies.into_iter().collect() })
}

fn known<T>(answer: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match answer {
        Err(ReadError::Status(404)) => Ok(None),
        other => other.map(Some),
    }
}

/// Prices, and each product once.
pub(super) fn offers(prices: Vec<OfferedPrice>) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for price in prices {
        let (product, title) = match price.product {
            Some(OfferedProduct::Expanded { id, name }) => (Some(id), name),
            Some(OfferedProduct::Id(id)) => (Some(id.clone()), id),
            None => (None, price.id.clone()),
        };
        if let Some(product) = product
            && !offers.iter().any(|offer| offer.name == product)
        {
            offers.push(Offer { name: product, title: format!("{title}, every price") });
        }
        let amount = price.unit_amount.zip(price.currency).map(|(amount, currency)| {
            let per = price.recurring.and_then(|recurring| recurring.interval).map(|interval| format!(" a {interval}"));
            format!("{amount} {} (smallest unit){}", currency.to_uppercase(), per.unwrap_or_default())
        });
        let details: Vec<String> = [Some(title), price.nickname, amount].into_iter().flatten().collect();
        offers.push(Offer { name: price.id, title: details.join(", ") });
    }
    offers
}
