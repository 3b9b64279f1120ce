//! Prices, which localstripe calls plans.

use serde_json::Value;

use super::{Billing, Refusal, field, list, localstripe::Pairs, records::price};
use crate::ids;

impl Billing {
    pub async fn prices(&self, query: &Pairs) -> Result<Value, Refusal> {
        let plain =
            |(name, _): &&(String, String)| ["limit", "starting_after", "active", "product"].contains(&name.as_str());
        let plans = self.localstripe.get("plans", &query.iter().filter(plain).cloned().collect()).await?;
        let mut prices: Vec<Value> = plans["data"].as_array().into_iter().flatten().map(price).collect();
        let keys: Vec<&str> =
            query.iter().filter(|(name, _)| name == "lookup_keys[]").map(|(_, key)| key.as_str()).collect();
        prices.retain(|price| keys.is_empty() || keys.contains(&field(price, "lookup_key")));
        if query.iter().any(|(name, value)| name.starts_with("expand") && value == "data.product") {
            let all = self.localstripe.get("products", &vec![("limit".to_owned(), "100".to_owned())]).await?;
            for price in &mut prices {
                let product = all["data"].as_array().into_iter().flatten().find(|one| one["id"] == price["product"]);
                price["product"] = product.cloned().unwrap_or_else(|| price["product"].clone());
            }
        }
        Ok(list(&prices, plans["has_more"] == true, "/v1/prices"))
    }

    pub async fn price(&self, id: &str) -> Result<Value, Refusal> {
        Ok(price(&self.localstripe.get(&format!("plans/{id}"), &Pairs::new()).await?))
    }

    /// `product` or `product_data[name]`; recurring ones only.
    pub async fn create_price(&self, form: &Pairs) -> Result<Value, Refusal> {
        let said = |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let product = match said("product") {
            Some(product) => product.to_owned(),
            None => {
                let name = said("product_data[name]").unwrap_or("A product");
                field(&self.localstripe.post("products", &[("name", name)]).await?, "id").to_owned()
            }
        };
        let id = ids::id("price_");
        let mut plan = vec![
            ("id", id.as_str()),
            ("product", &product),
            ("amount", said("unit_amount").unwrap_or("0")),
            ("currency", said("currency").unwrap_or("usd")),
            ("interval", said("recurring[interval]").unwrap_or("month")),
        ];
        plan.extend(said("nickname").map(|nickname| ("nickname", nickname)));
        plan.extend(said("lookup_key").map(|key| ("metadata[lookup_key]", key)));
        Ok(price(&self.localstripe.post("plans", &plan).await?))
    }
}
