//! Stripe: subscriptions of its customers. One-time payments buy nothing here.

mod client;
mod events;
mod prices;
mod records;
mod signature;

use async_trait::async_trait;
use futures::future::join_all;
use keyward_domain::plans::{LinkKind, STRIPE_EVENTS, StripePermission};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use url::Url;

pub(crate) use self::client::Form;
use self::client::{Client, Question};
use self::events::Event;
pub(crate) use self::prices::Price;
use self::records::{CheckoutSession, Customer, Invoice, List, OfferedPrice, Subscription};
use crate::seller::{
    Access, BoughtItem, KeyRefusal, Mode, Named, Offer, Page, ReadError, Reading, Seller, SellerKey, VerifiedEvent,
    Webhook, WebhookRefusal, WebhookSecret, is_plain_id,
};

const KEY_BEGINS_WITH: &str = "rk_ or sk_";
const SIGNATURE: &str = "Stripe-Signature";
/// The metadata in which a developer names the user.
const USER: &str = "keyward_user";
const ROWS: &str = "100";
const MOST_PAGES: usize = 10;
/// Subscriptions that are over are kept to explain why somebody has nothing: the newest few do.
const MOST_OVER: usize = 5;
/// A developer waits for a check; readings are tried again by those who ask for them.
const CHECK_ATTEMPTS: u32 = 2;
const READ_ATTEMPTS: u32 = 1;
/// Stripe tells events of so long.
const EVENTS_KEPT: time::Duration = time::Duration::days(30);

/// A list to try a permission with.
fn list_of(permission: StripePermission) -> &'static str {
    match permission {
        StripePermission::Customers => "/customers",
        StripePermission::Subscriptions => "/subscriptions",
        StripePermission::CheckoutSessions => "/checkout/sessions",
        StripePermission::Invoices => "/invoices",
        StripePermission::Prices => "/prices",
        StripePermission::Products => "/products",
        StripePermission::Events => "/events",
    }
}

pub(crate) struct Stripe {
    address: Option<String>,
}

impl Stripe {
    /// `None` is Stripe's own address.
    pub fn new(address: Option<&Url>) -> Self {
        Self { address: address.map(|address| format!("{}/", address.as_str().trim_end_matches('/'))) }
    }

    pub async fn post<T: DeserializeOwned>(&self, access: &Access, form: Form<'_>) -> Result<T, ReadError> {
        self.client(access, READ_ATTEMPTS)?.post(form).await
    }

    /// Pages of Checkout that can still be paid on, the newest first.
    pub async fn open_sessions<T: DeserializeOwned>(&self, access: &Access, customer: &str) -> Result<T, ReadError> {
        let query = [("customer", customer), ("status", "open"), ("limit", ROWS)];
        let permission = StripePermission::CheckoutSessions;
        self.client(access, CHECK_ATTEMPTS)?
            .get(Question { permission, path: "/checkout/sessions", query: &query })
            .await
    }

    /// `None` where this key's mode has none of that id.
    pub async fn price(&self, access: &Access, id: &str) -> Result<Option<Price>, ReadError> {
        prices::price(&self.client(access, CHECK_ATTEMPTS)?, id).await
    }

    fn client(&self, access: &Access, attempts: u32) -> Result<Client, ReadError> {
        Client::new(&access.key, self.address.as_deref(), attempts)
    }
}

#[async_trait]
impl Seller for Stripe {
    fn parse_key(&self, text: &str, wanted: Mode) -> Result<SellerKey, KeyRefusal> {
        let malformed = KeyRefusal::Malformed { begins_with: KEY_BEGINS_WITH };
        let text = text.trim();
        if text.starts_with("pk_") {
            return Err(KeyRefusal::Public { begins_with: KEY_BEGINS_WITH });
        }
        if text.starts_with("whsec_") {
            return Err(KeyRefusal::WebhookSecret);
        }
        let Some(rest) = text.strip_prefix("rk_").or_else(|| text.strip_prefix("sk_")) else { return Err(malformed) };
        let (is, rest) = match (rest.strip_prefix("live_"), rest.strip_prefix("test_")) {
            (Some(rest), _) => (Mode::Live, rest),
            (None, Some(rest)) => (Mode::Test, rest),
            (None, None) => return Err(malformed),
        };
        if rest.len() < 8 || !is_plain_id(rest) {
            return Err(malformed);
        }
        if is == wanted { Ok(SellerKey::parsed(text)) } else { Err(KeyRefusal::OtherMode { is, wanted }) }
    }

    async fn check(&self, access: &Access) -> Result<(), KeyRefusal> {
        let client = self.client(access, CHECK_ATTEMPTS).map_err(KeyRefusal::from)?;
        let client = &client;
        let tries = StripePermission::ALL.map(|permission| async move {
            let question = Question { permission, path: list_of(permission), query: &[("limit", "1")] };
            client.get::<serde_json::Value>(question).await
        });
        let mut may_not_read = Vec::new();
        for tried in join_all(tries).await {
            match tried {
                Ok(_) => {}
                Err(ReadError::MayNotRead(permission)) => may_not_read.push(permission),
                Err(error) => return Err(error.into()),
            }
        }
        if may_not_read.is_empty() { Ok(()) } else { Err(KeyRefusal::MayNotRead(may_not_read)) }
    }

    fn parse_secret(&self, text: &str) -> Result<WebhookSecret, &'static str> {
        let secret = Some(text.trim()).filter(|text| text.starts_with("whsec_")).and_then(WebhookSecret::parsed);
        secret.ok_or("this is not the signing secret of a webhook endpoint; it begins with whsec_")
    }

    fn signature_header(&self) -> &'static str {
        SIGNATURE
    }

    fn verify(
        &self,
        webhook: Webhook<'_>,
        secrets: &[WebhookSecret],
        mode: Mode,
        now: OffsetDateTime,
    ) -> Result<(usize, VerifiedEvent), WebhookRefusal> {
        let header = webhook.headers.get(SIGNATURE).ok_or(WebhookRefusal::NoSignature(SIGNATURE))?;
        let header = header.to_str().map_err(|_| WebhookRefusal::Malformed)?;
        let secret = signature::verify(header, webhook.body, secrets, now)?;
        Ok((secret, Event::parse(webhook.body, mode)?))
    }

    async fn read(&self, access: &Access, customer: &str) -> Result<Reading, ReadError> {
        if !is_plain_id(customer) {
            return Ok(Reading::default());
        }
        let client = self.client(access, READ_ATTEMPTS)?;
        let path = format!("/customers/{customer}");
        let question = Question { permission: StripePermission::Customers, path: &path, query: &[] };
        let record = match client.get::<Customer>(question).await {
            Ok(record) if record.deleted => return Ok(Reading::default()),
            Err(ReadError::Status(404)) => return Ok(Reading::default()),
            other => other?,
        };
        let subscriptions = subscriptions(&client, customer).await?;
        let named = match named_in_metadata(&record, &subscriptions) {
            Some(named) => Some((named, LinkKind::Metadata)),
            None => named_at_checkout(&client, customer).await?.map(|named| (named, LinkKind::Reference)),
        };
        let email = record.email.map(|email| email.trim().to_lowercase()).filter(|email| !email.is_empty());
        Ok(Reading { email, named, entitlements: entitlements(&client, subscriptions).await? })
    }

    async fn events(
        &self,
        access: &Access,
        since: OffsetDateTime,
        page: Option<&str>,
    ) -> Result<Page<VerifiedEvent>, ReadError> {
        let since = since.unix_timestamp().to_string();
        let mut query = vec![("limit", ROWS), ("created[gte]", since.as_str())];
        query.extend(STRIPE_EVENTS.map(|kind| ("types[]", kind)));
        query.extend(page.map(|page| ("starting_after", page)));
        let question = Question { permission: StripePermission::Events, path: "/events", query: &query };
        let list: List<Event> = self.client(access, CHECK_ATTEMPTS)?.get(question).await?;
        let next = list.data.last().filter(|_| list.has_more).map(|event| event.id.clone());
        Ok(Page { items: list.data.into_iter().filter_map(Event::verified).collect(), next })
    }

    fn events_kept(&self) -> time::Duration {
        EVENTS_KEPT
    }

    async fn everything(&self, access: &Access, page: Option<&str>) -> Result<Option<Page<BoughtItem>>, ReadError> {
        let mut query = vec![("limit", ROWS), ("status", "all")];
        query.extend(page.map(|page| ("starting_after", page)));
        let question = Question { permission: StripePermission::Subscriptions, path: "/subscriptions", query: &query };
        let list: List<Subscription> = self.client(access, CHECK_ATTEMPTS)?.get(question).await?;
        let next = list.data.last().filter(|_| list.has_more).map(|subscription| subscription.id.clone());
        let bought = |subscription: Subscription| {
            let customer = subscription.customer.id().to_owned();
            BoughtItem { customer, entitlement: subscription.into_entitlement(None) }
        };
        let items = list.data.into_iter().map(bought).filter(|item| is_plain_id(&item.customer)).collect();
        Ok(Some(Page { items, next }))
    }

    async fn offers(&self, access: &Access) -> Result<Vec<Offer>, ReadError> {
        let query = [("limit", ROWS), ("active", "true"), ("expand[]", "data.product")];
        let question = Question { permission: StripePermission::Prices, path: "/prices", query: &query };
        let list: List<OfferedPrice> = self.client(access, CHECK_ATTEMPTS)?.get(question).await?;
        Ok(prices::offers(list.data))
    }

    async fn look_up(&self, access: &Access, name: &str) -> Result<Named, ReadError> {
        prices::look_up(&self.client(access, READ_ATTEMPTS)?, name).await
    }
}

async fn subscriptions(client: &Client, customer: &str) -> Result<Vec<Subscription>, ReadError> {
    let mut all: Vec<Subscription> = Vec::new();
    for _ in 0..MOST_PAGES {
        let after = all.last().map(|subscription| subscription.id.clone());
        let mut query = vec![("customer", customer), ("status", "all"), ("limit", ROWS)];
        query.extend(after.as_deref().map(|after| ("starting_after", after)));
        let question = Question { permission: StripePermission::Subscriptions, path: "/subscriptions", query: &query };
        let page: List<Subscription> = client.get(question).await?;
        let is_last = !page.has_more || page.data.is_empty();
        all.extend(page.data);
        if is_last {
            break;
        }
    }
    Ok(all)
}

async fn entitlements(
    client: &Client,
    subscriptions: Vec<Subscription>,
) -> Result<Vec<keyward_domain::plans::Entitlement>, ReadError> {
    let mut entitlements = Vec::new();
    let mut over = 0;
    for subscription in subscriptions {
        over += usize::from(subscription.is_over());
        if subscription.is_over() && over > MOST_OVER {
            continue;
        }
        let since = if subscription.is_past_due() { unpaid_since(client, &subscription.id).await? } else { None };
        entitlements.push(subscription.into_entitlement(since));
    }
    Ok(entitlements)
}

/// A subscription that stays past due has a new period and a new invoice each month: the first unpaid one began it.
async fn unpaid_since(client: &Client, subscription: &str) -> Result<Option<OffsetDateTime>, ReadError> {
    let query = [("subscription", subscription), ("status", "open"), ("limit", ROWS)];
    let list: List<Invoice> =
        client.get(Question { permission: StripePermission::Invoices, path: "/invoices", query: &query }).await?;
    Ok(list.data.iter().map(|invoice| invoice.created).min().and_then(records::at))
}

/// The customer's own, else that of the newest subscription that is not over, else of the newest one.
fn named_in_metadata(customer: &Customer, subscriptions: &[Subscription]) -> Option<String> {
    let (over, current): (Vec<&Subscription>, _) = subscriptions.iter().partition(|one| one.is_over());
    let of_subscriptions = current.into_iter().chain(over).map(|one| one.metadata.as_ref());
    std::iter::once(customer.metadata.as_ref())
        .chain(of_subscriptions)
        .flatten()
        .filter_map(|metadata| metadata.get(USER))
        .find(|named| !named.trim().is_empty())
        .cloned()
}

/// Of the newest session that was completed and says one.
async fn named_at_checkout(client: &Client, customer: &str) -> Result<Option<String>, ReadError> {
    let query = [("customer", customer), ("limit", ROWS)];
    let question =
        Question { permission: StripePermission::CheckoutSessions, path: "/checkout/sessions", query: &query };
    let sessions: List<CheckoutSession> = client.get(question).await?;
    let complete = sessions.data.into_iter().filter(|session| session.status.as_deref() == Some("complete"));
    Ok(complete.filter_map(|session| session.client_reference_id).find(|named| !named.trim().is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, wanted: Mode) -> Result<String, KeyRefusal> {
        Stripe::new(None).parse_key(text, wanted).map(|key| key.expose().to_owned())
    }

    #[test]
    fn takes_restricted_and_secret_keys_of_the_mode_that_is_wanted() {
        for kind in ["rk", "sk"] {
            assert!(parsed(&format!(" {kind}_test_51Habcdefgh\n"), Mode::Test).is_ok());
            assert!(parsed(&format!("{kind}_live_51Habcdefgh"), Mode::Live).is_ok());
            assert_eq!(
                parsed(&format!("{kind}_test_51Habcdefgh"), Mode::Live),
                Err(KeyRefusal::OtherMode { is: Mode::Test, wanted: Mode::Live })
            );
        }
    }

    #[test]
    fn says_what_is_wrong_with_another_key() {
        let malformed = Err(KeyRefusal::Malformed { begins_with: KEY_BEGINS_WITH });
        assert_eq!(parsed("pk_live_51Habcdefgh", Mode::Live), Err(KeyRefusal::Public { begins_with: KEY_BEGINS_WITH }));
        assert_eq!(parsed("whsec_abcdefgh", Mode::Live), Err(KeyRefusal::WebhookSecret));
        for text in ["", "sk_51Habcdefgh", "sk_live_", "rk_live_51Habc\ndefgh", "sk_live_51Hä51Hä"] {
            assert_eq!(parsed(text, Mode::Live), malformed, "{text:?}");
        }
    }
}
