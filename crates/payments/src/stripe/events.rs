//! Which customers a Stripe event concerns. Nothing else of it is believed: what a customer has is read from Stripe.

use keyward_domain::plans::STRIPE_EVENTS;
use serde::Deserialize;

use crate::seller::{Mode, VerifiedEvent, WebhookRefusal, is_plain_id};

/// As webhooks and `GET /v1/events` have it, in any version of the API.
#[derive(Deserialize)]
pub(super) struct Event {
    pub id: String,
    #[serde(rename = "type")]
    kind: String,
    livemode: bool,
    /// Of another Stripe account, which our key does not read.
    account: Option<String>,
    data: Subject,
}

#[derive(Deserialize)]
struct Subject {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    customer: Option<Reference>,
}

/// An id, or the object itself where it was expanded.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Reference {
    Id(String),
    Object { id: String },
}

impl Reference {
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Object { id } => id,
        }
    }
}

impl Event {
    pub fn parse(body: &[u8], wanted: Mode) -> Result<VerifiedEvent, WebhookRefusal> {
        let event: Self = serde_json::from_slice(body).map_err(|_| WebhookRefusal::Unintelligible)?;
        let is = Mode::of(event.livemode);
        if is != wanted {
            return Err(WebhookRefusal::OtherMode { is, wanted });
        }
        event.verified().ok_or(WebhookRefusal::Unintelligible)
    }

    pub fn verified(self) -> Option<VerifiedEvent> {
        if !is_plain_id(&self.id) || self.kind.len() > 255 {
            return None;
        }
        let object = self.data.object;
        let customer = match self.kind.as_str() {
            _ if self.account.is_some() => None,
            "customer.updated" | "customer.deleted" => object.id,
            kind if STRIPE_EVENTS.contains(&kind) => object.customer.map(|customer| customer.id().to_owned()),
            _ => None,
        };
        let customers = customer.into_iter().filter(|customer| is_plain_id(customer)).collect();
        Some(VerifiedEvent { id: self.id, kind: self.kind, customers })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(kind: &str, object: &Value) -> VerifiedEvent {
        let body =
            json!({"id": "evt_1", "object": "event", "type": kind, "livemode": false, "data": {"object": object}});
        Event::parse(body.to_string().as_bytes(), Mode::Test).expect("understood")
    }

    #[test]
    fn names_the_customer_of_every_kind_that_matters() {
        for kind in STRIPE_EVENTS {
            let object = match kind {
                "customer.updated" | "customer.deleted" => json!({"id": "cus_1", "object": "customer"}),
                _ => json!({"id": "x_1", "customer": "cus_1"}),
            };
            assert_eq!(parse(kind, &object).customers, ["cus_1"], "{kind}");
        }
        let expanded = json!({"id": "sub_1", "customer": {"id": "cus_2", "object": "customer"}});
        assert_eq!(parse("customer.subscription.updated", &expanded).customers, ["cus_2"]);
    }

    #[test]
    fn takes_events_that_concern_nobody() {
        for (kind, object) in [
            ("product.created", json!({"id": "prod_1"})),
            ("customer.created", json!({"id": "cus_1"})),
            ("invoice.paid", json!({"id": "in_1", "customer": null})),
            ("invoice.paid", json!({"id": "in_1", "customer": "../../v1/keys"})),
            ("a.kind.of.tomorrow", json!({"customer": "cus_1"})),
        ] {
            assert_eq!(parse(kind, &object).customers, Vec::<String>::new(), "{kind}");
        }
        let of_another_account = json!({"id": "evt_1", "type": "invoice.paid", "livemode": false, "account": "acct_2",
            "data": {"object": {"customer": "cus_1"}}});
        let event = Event::parse(of_another_account.to_string().as_bytes(), Mode::Test).expect("understood");
        assert_eq!(event.customers, Vec::<String>::new());
    }

    #[test]
    fn refuses_the_other_mode_and_what_is_no_event() {
        let body = br#"{"id": "evt_1", "type": "invoice.paid", "livemode": false, "data": {"object": {}}}"#;
        assert_eq!(
            Event::parse(body, Mode::Live),
            Err(WebhookRefusal::OtherMode { is: Mode::Test, wanted: Mode::Live })
        );
        for bad in [&b"{}"[..], b"not json", br#"{"id": "a b", "type": "x", "livemode": true, "data": {"object": {}}}"#]
        {
            assert_eq!(Event::parse(bad, Mode::Live), Err(WebhookRefusal::Unintelligible));
        }
    }
}
