//! Stripe's records, as far as we read them and whatever version of the API they are in.

use std::collections::HashMap;

use keyward_domain::plans::{Entitlement, EntitlementState, PurchaseSource};
use serde::Deserialize;
use time::OffsetDateTime;

use super::events::Reference;

#[derive(Deserialize)]
pub(super) struct List<T> {
    pub data: Vec<T>,
    #[serde(default)]
    pub has_more: bool,
}

#[derive(Deserialize)]
pub(super) struct Customer {
    #[serde(default)]
    pub deleted: bool,
    pub email: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
pub(super) struct Subscription {
    pub id: String,
    pub customer: Reference,
    status: String,
    pub metadata: Option<HashMap<String, String>>,
    items: Option<List<Item>>,
    created: Option<i64>,
    #[serde(flatten)]
    period: Period,
    cancel_at: Option<i64>,
    #[serde(default)]
    cancel_at_period_end: bool,
}

/// On the subscription itself until 2025, on its items since.
#[derive(Deserialize)]
struct Period {
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
}

#[derive(Deserialize)]
struct Item {
    price: Option<Price>,
    /// What prices were called before.
    plan: Option<Price>,
    #[serde(flatten)]
    period: Period,
}

#[derive(Deserialize)]
struct Price {
    id: String,
    product: Option<Reference>,
    lookup_key: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CheckoutSession {
    pub client_reference_id: Option<String>,
    pub status: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Invoice {
    pub created: i64,
}

#[derive(Deserialize)]
pub(super) struct OfferedPrice {
    pub id: String,
    pub nickname: Option<String>,
    pub currency: Option<String>,
    pub unit_amount: Option<i64>,
    pub recurring: Option<Recurring>,
    pub product: Option<OfferedProduct>,
}

#[derive(Deserialize)]
pub(super) struct Recurring {
    pub interval: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OfferedProduct {
    Expanded { id: String, name: String },
    Id(String),
}

impl Subscription {
    pub fn is_past_due(&self) -> bool {
        self.status == "past_due"
    }

    pub fn is_over(&self) -> bool {
        !matches!(self.status.as_str(), "active" | "trialing" | "past_due")
    }

    /// `unpaid_since`: when its oldest open invoice was made. Without one, the period that is not paid begins there.
    pub fn into_entitlement(self, unpaid_since: Option<OffsetDateTime>) -> Entitlement {
        let period_end = self.earliest(|period| period.current_period_end);
        let cancel_at = self.cancel_at.and_then(at);
        // A cancellation further off than the period's end does not keep it from being renewed then.
        let is_cut_short = cancel_at.zip(period_end).is_some_and(|(cancel, end)| cancel <= end);
        let state = match self.status.as_str() {
            "active" => EntitlementState::Active,
            "trialing" => EntitlementState::Trial,
            "past_due" => EntitlementState::PastDue {
                since: unpaid_since
                    .or_else(|| self.earliest(|period| period.current_period_start))
                    .or_else(|| self.created.and_then(at))
                    .unwrap_or(OffsetDateTime::UNIX_EPOCH),
            },
            _ => EntitlementState::Over,
        };
        Entitlement {
            source: PurchaseSource::Stripe,
            names: self.names(),
            state,
            paid_until: if is_cut_short { cancel_at } else { period_end },
            ends: self.cancel_at_period_end || is_cut_short,
            id: self.id,
        }
    }

    fn items(&self) -> &[Item] {
        self.items.as_ref().map_or(&[], |items| &items.data)
    }

    /// Of items that are billed in different rhythms, the first one to end.
    fn earliest(&self, which: impl Fn(&Period) -> Option<i64>) -> Option<OffsetDateTime> {
        which(&self.period).or_else(|| self.items().iter().filter_map(|item| which(&item.period)).min()).and_then(at)
    }

    /// Price, product and lookup key of every item.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for item in self.items() {
            for price in item.price.iter().chain(&item.plan) {
                let product = price.product.as_ref().map(|product| product.id().to_owned());
                names.extend([Some(price.id.clone()), product, price.lookup_key.clone()].into_iter().flatten());
            }
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
        names
    }
}

pub(super) fn at(unix_secs: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(unix_secs).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    const START: i64 = 1_772_323_200; // 2026-03-01
    const END: i64 = 1_775_001_600; // 2026-04-01

    fn read(changes: &Value) -> Entitlement {
        let mut subscription = json!({
            "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "created": START,
            "cancel_at": null, "cancel_at_period_end": false, "metadata": {}, "a_field_of_tomorrow": {"x": 1},
            "items": {"object": "list", "has_more": false, "data": [{
                "id": "si_1", "current_period_start": START, "current_period_end": END,
                "price": {"id": "price_pro", "product": "prod_pro", "lookup_key": "pro_monthly"},
                "plan": {"id": "price_pro", "product": "prod_pro"},
            }]},
        });
        for (name, value) in changes.as_object().expect("an object") {
            subscription[name] = value.clone();
        }
        let subscription: Subscription = serde_json::from_value(subscription).expect("understood");
        subscription.into_entitlement(None)
    }

    #[test]
    fn reads_price_product_and_lookup_key_once_each() {
        let read = read(&json!({}));
        assert_eq!(read.names, ["price_pro", "prod_pro", "pro_monthly"]);
        assert_eq!((read.state, read.ends), (EntitlementState::Active, false));
        assert_eq!(read.paid_until, Some(datetime!(2026-04-01 0:00 UTC)));
    }

    #[test]
    fn reads_subscriptions_of_older_versions_of_the_api() {
        let old = read(&json!({"current_period_start": START, "current_period_end": END,
            "items": {"data": [{"plan": {"id": "plan_pro", "product": "prod_pro"}}]}}));
        assert_eq!(old.names, ["plan_pro", "prod_pro"]);
        assert_eq!(old.paid_until, Some(datetime!(2026-04-01 0:00 UTC)));
    }

    #[test]
    fn only_active_trialing_and_past_due_count() {
        let since = datetime!(2026-03-01 0:00 UTC);
        for (status, want) in [
            ("active", EntitlementState::Active),
            ("trialing", EntitlementState::Trial),
            ("past_due", EntitlementState::PastDue { since }),
            ("incomplete", EntitlementState::Over),
            ("incomplete_expired", EntitlementState::Over),
            ("unpaid", EntitlementState::Over),
            ("canceled", EntitlementState::Over),
            ("paused", EntitlementState::Over),
            ("a_status_of_tomorrow", EntitlementState::Over),
        ] {
            assert_eq!(read(&json!({"status": status})).state, want, "{status}");
        }
    }

    #[test]
    fn grace_begins_with_the_oldest_invoice_that_is_not_paid() {
        let subscription: Subscription =
            serde_json::from_value(json!({"id": "sub_1", "customer": "cus_1", "status": "past_due",
                "current_period_start": END, "current_period_end": END + 1}))
            .expect("understood");
        let since = datetime!(2026-02-01 0:00 UTC);
        assert_eq!(subscription.into_entitlement(Some(since)).state, EntitlementState::PastDue { since });
    }

    #[test]
    fn a_cancellation_ends_it_when_it_comes_before_the_renewal() {
        assert!(read(&json!({"cancel_at_period_end": true})).ends);
        let sooner = read(&json!({"cancel_at": START + 86_400}));
        assert_eq!((sooner.ends, sooner.paid_until), (true, Some(datetime!(2026-03-02 0:00 UTC))));
        let later = read(&json!({"cancel_at": END + 86_400}));
        assert_eq!((later.ends, later.paid_until), (false, Some(datetime!(2026-04-01 0:00 UTC))));
    }
}
