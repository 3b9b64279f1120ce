//! localstripe's records as Stripe has them today: prices beside plans, periods on items, the mode of the key.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::keys::Caller;

pub type Overlays = HashMap<String, Map<String, Value>>;

pub fn dress(value: &mut Value, caller: Caller, overlays: &Overlays) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| dress(item, caller, overlays)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| dress(field, caller, overlays));
            if let Some(mode) = fields.get_mut("livemode") {
                *mode = Value::Bool(caller.live);
            }
            match fields.get("object").and_then(Value::as_str) {
                Some("subscription") => subscription(fields, overlays),
                Some("subscription_item") => {
                    let price = price(&fields["plan"]);
                    fields.insert("price".to_owned(), price);
                }
                Some(_) | None => {}
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn subscription(fields: &mut Map<String, Value>, overlays: &Overlays) {
    // localstripe leaves a trial incomplete, and its end is only said in days.
    if fields["status"] == "incomplete" && fields["trial_period_days"].as_i64().is_some_and(|days| days > 0) {
        fields.insert("status".to_owned(), Value::from("trialing"));
    }
    if let Some(overlay) = fields["id"].as_str().and_then(|id| overlays.get(id)) {
        fields.extend(overlay.clone());
    }
    let periods = ["current_period_start", "current_period_end"].map(|name| (name, fields.remove(name)));
    let Some(items) = fields.get_mut("items").and_then(|items| items["data"].as_array_mut()) else { return };
    for item in items {
        for (name, at) in &periods {
            item[*name] = at.clone().unwrap_or_default();
        }
    }
}

/// A plan, by its name of today.
pub fn price(plan: &Value) -> Value {
    json!({
        "id": plan["id"], "object": "price", "active": plan["active"], "billing_scheme": plan["billing_scheme"],
        "created": plan["created"], "currency": plan["currency"], "livemode": plan["livemode"],
        "lookup_key": plan["metadata"]["lookup_key"], "metadata": {}, "nickname": plan["nickname"],
        "product": plan["product"], "type": "recurring", "unit_amount": plan["amount"],
        "recurring": {"interval": plan["interval"], "interval_count": plan["interval_count"], "usage_type": "licensed"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_looks_as_in_today_s_api() {
        let plan = json!({"id": "price_pro", "amount": 900, "metadata": {"lookup_key": "pro"}, "product": "prod_pro"});
        let item = json!({"object": "subscription_item", "id": "si_1", "plan": plan});
        let mut value = json!({"object": "subscription", "id": "sub_1", "status": "active", "livemode": false,
            "current_period_end": 2, "current_period_start": 1, "items": {"data": [item]}});
        let overlay = json!({"status": "past_due"}).as_object().unwrap().clone();
        dress(&mut value, Caller { live: true }, &HashMap::from([("sub_1".to_owned(), overlay)]));
        assert_eq!((&value["status"], &value["livemode"]), (&json!("past_due"), &json!(true)));
        let item = &value["items"]["data"][0];
        assert_eq!((&item["price"]["id"], &item["price"]["lookup_key"]), (&json!("price_pro"), &json!("pro")));
        assert_eq!((&item["current_period_end"], value.get("current_period_end")), (&json!(2), None));
    }
}
