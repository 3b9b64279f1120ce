//! RevenueCat's record of one app user.

use std::collections::BTreeMap;

use keyward_domain::plans::{Entitlement, EntitlementState, LinkKind, PurchaseSource};
use serde::Deserialize;
use time::OffsetDateTime;

use super::events::is_anonymous;
use crate::seller::{Mode, Reading};

#[derive(Deserialize)]
pub(super) struct Answer {
    /// Their clock when they were asked.
    request_date_ms: Option<i64>,
    subscriber: Subscriber,
}

#[derive(Deserialize)]
struct Subscriber {
    #[serde(default)]
    entitlements: BTreeMap<String, Grant>,
    /// By product.
    #[serde(default)]
    subscriptions: BTreeMap<String, Purchase>,
    /// By product; the newest one last.
    #[serde(default)]
    non_subscriptions: BTreeMap<String, Vec<Purchase>>,
}

/// What their dashboard makes of products.
#[derive(Deserialize)]
struct Grant {
    product_identifier: Option<String>,
    product_plan_identifier: Option<String>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    expires_date: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    grace_period_expires_date: Option<OffsetDateTime>,
}

#[derive(Default, Deserialize)]
struct Purchase {
    #[serde(default)]
    is_sandbox: bool,
    period_type: Option<String>,
    product_plan_identifier: Option<String>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    expires_date: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    grace_period_expires_date: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    unsubscribe_detected_at: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    billing_issues_detected_at: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    refunded_at: Option<OffsetDateTime>,
}

impl Answer {
    pub fn reading(self, customer: &str, mode: Mode) -> Reading {
        let (subscriber, asked_at) = (self.subscriber, self.request_date_ms.and_then(at));
        let granted = subscriber.entitlements.iter().filter_map(|(id, grant)| {
            let product = grant.product_identifier.as_deref();
            // An entitlement that was given by hand in their dashboard has no purchase behind it, and is no sandbox's.
            let purchase = product.and_then(|product| subscriber.purchase(product));
            let plan = grant.product_plan_identifier.as_deref();
            let names = [Some(id.as_str()), product].into_iter().flatten().map(str::to_owned);
            let names = names.chain(product.zip(plan).map(|(product, plan)| format!("{product}:{plan}"))).collect();
            let until =
                grant.expires_date.max(grant.grace_period_expires_date.filter(|_| grant.expires_date.is_some()));
            entitlement((id, names), purchase.unwrap_or(&Purchase::default()), until, mode)
        });
        let is_granted = |product: &str| {
            subscriber.entitlements.values().any(|grant| grant.product_identifier.as_deref() == Some(product))
        };
        let products = subscriber.subscriptions.keys().chain(subscriber.non_subscriptions.keys());
        let bare = products.filter(|product| !is_granted(product)).filter_map(|product| {
            let purchase = subscriber.purchase(product)?;
            let plan = purchase.product_plan_identifier.as_ref().map(|plan| format!("{product}:{plan}"));
            let until = purchase.expires_date.max(purchase.grace_period_expires_date);
            entitlement((product, [product.clone()].into_iter().chain(plan).collect()), purchase, until, mode)
        });
        let named = (!is_anonymous(customer)).then(|| (customer.to_owned(), LinkKind::AppUserId));
        let mut entitlements: Vec<Entitlement> = granted.chain(bare).collect();
        for entitlement in &mut entitlements {
            // What they say has expired is not waiting for news of its renewal: this is the news.
            entitlement.ends |= entitlement.paid_until.zip(asked_at).is_some_and(|(until, asked_at)| until <= asked_at);
        }
        Reading { email: None, named, entitlements }
    }
}

fn at(unix_millis: i64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_millis) * 1_000_000).ok()
}

impl Subscriber {
    fn purchase(&self, product: &str) -> Option<&Purchase> {
        self.subscriptions.get(product).or_else(|| self.non_subscriptions.get(product)?.last())
    }
}

/// `None` for what the sandbox sold, on a live connection.
fn entitlement(
    (id, names): (&str, Vec<String>),
    purchase: &Purchase,
    paid_until: Option<OffsetDateTime>,
    mode: Mode,
) -> Option<Entitlement> {
    if mode.is_live() && purchase.is_sandbox {
        return None;
    }
    // Once renewal is off, the store tries no more: what was paid for ends when it ends.
    let is_off = purchase.unsubscribe_detected_at.is_some();
    let state = match (purchase.refunded_at, purchase.billing_issues_detected_at) {
        (Some(_), _) => EntitlementState::Over,
        (None, Some(since)) if !is_off => EntitlementState::PastDue { since },
        (None, _) if purchase.period_type.as_deref() == Some("trial") => EntitlementState::Trial,
        (None, _) => EntitlementState::Active,
    };
    let id = id.to_owned();
    Some(Entitlement { source: PurchaseSource::RevenueCat, id, names, state, paid_until, ends: is_off })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::*;

    fn read(subscription: &Value, mode: Mode) -> Vec<Entitlement> {
        let mut purchase = json!({
            "expires_date": "2026-04-01T00:00:00Z", "purchase_date": "2026-03-01T00:00:00Z", "store": "app_store",
            "is_sandbox": false, "period_type": "normal", "unsubscribe_detected_at": null,
            "billing_issues_detected_at": null, "grace_period_expires_date": null, "refunded_at": null,
        });
        for (name, value) in subscription.as_object().expect("an object") {
            purchase[name] = value.clone();
        }
        let answer = json!({"request_date_ms": 1, "subscriber": {
            "entitlements": {"pro": {"product_identifier": "monthly", "expires_date": purchase["expires_date"],
                "grace_period_expires_date": purchase["grace_period_expires_date"], "purchase_date": "2026-03-01T00:00:00Z"}},
            "subscriptions": {"monthly": purchase}, "non_subscriptions": {},
        }});
        serde_json::from_value::<Answer>(answer).expect("understood").reading("alice", mode).entitlements
    }

    #[test]
    fn an_entitlement_is_named_by_itself_and_by_its_product() {
        let read = read(&json!({}), Mode::Live);
        assert_eq!(read.len(), 1, "the product is not told twice");
        assert_eq!((read[0].id.as_str(), read[0].state), ("pro", EntitlementState::Active));
        assert_eq!(read[0].names, ["pro", "monthly"]);
        assert_eq!((read[0].paid_until, read[0].ends), (Some(datetime!(2026-04-01 0:00 UTC)), false));
    }

    #[test]
    fn tells_trials_failed_payments_cancellations_and_refunds_apart() {
        let one = |changes: &Value| read(changes, Mode::Live).remove(0);
        assert_eq!(one(&json!({"period_type": "trial"})).state, EntitlementState::Trial);
        let since = datetime!(2026-04-01 1:00 UTC);
        let failed = json!({"billing_issues_detected_at": "2026-04-01T01:00:00Z"});
        assert_eq!(one(&failed).state, EntitlementState::PastDue { since });
        assert_eq!(one(&json!({"refunded_at": "2026-03-02T00:00:00Z"})).state, EntitlementState::Over);
        let off = json!({"unsubscribe_detected_at": "2026-03-02T00:00:00Z",
            "billing_issues_detected_at": "2026-03-02T00:00:00Z", "grace_period_expires_date": "2026-04-07T00:00:00Z"});
        let off = one(&off);
        assert_eq!((off.state, off.ends), (EntitlementState::Active, true));
        assert_eq!(off.paid_until, Some(datetime!(2026-04-07 0:00 UTC)));
    }

    #[test]
    fn what_had_expired_when_they_were_asked_ends_there_and_waits_for_no_renewal() {
        let expiry = datetime!(2026-04-01 0:00 UTC).unix_timestamp() * 1_000;
        for (asked_ms, want) in [(Some(expiry - 1), false), (Some(expiry), true), (None, false)] {
            let answer = json!({"request_date_ms": asked_ms, "subscriber": {"entitlements": {"pro": {
                "product_identifier": "monthly", "expires_date": "2026-04-01T00:00:00Z"}}}});
            let answer: Answer = serde_json::from_value(answer).expect("understood");
            assert_eq!(answer.reading("alice", Mode::Live).entitlements[0].ends, want, "{asked_ms:?}");
        }
    }

    #[test]
    fn the_sandbox_counts_on_a_test_connection_only() {
        assert_eq!(read(&json!({"is_sandbox": true}), Mode::Live), []);
        assert_eq!(read(&json!({"is_sandbox": true}), Mode::Test).len(), 1);
    }

    #[test]
    fn purchases_for_good_and_products_without_an_entitlement_count_too() {
        let answer = json!({"subscriber": {
            "entitlements": {"given": {"product_identifier": "rc_promo_given", "expires_date": null}},
            "subscriptions": {"weekly": {"product_plan_identifier": "base", "expires_date": "2026-03-08T00:00:00Z"}},
            "non_subscriptions": {"lifetime": [{"id": "1", "is_sandbox": true}, {"id": "2", "is_sandbox": false}]},
        }});
        let answer: Answer = serde_json::from_value(answer).expect("understood");
        let read = answer.reading("$RCAnonymousID:1", Mode::Live);
        let read_names: Vec<_> =
            read.entitlements.iter().map(|one| (one.names.join(" "), one.paid_until.is_some())).collect();
        let want = [("given rc_promo_given", false), ("weekly weekly:base", true), ("lifetime", false)];
        assert_eq!(read_names, want.map(|(names, ends)| (names.to_owned(), ends)));
        assert_eq!(read.named, None);
    }
}
