//! RevenueCat, which knows what was bought in the app stores: its first API, by app user id.

mod events;
mod subscriber;

use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use keyward_outbound::{ClientTimes, Guard, OutboundError};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use url::Url;

use self::subscriber::Answer;
use crate::seller::{
    Access, BoughtItem, KeyRefusal, Mode, Named, Offer, Page, ReadError, Reading, Seller, SellerKey, VerifiedEvent,
    Webhook, WebhookRefusal, WebhookSecret, is_plain_id,
};

pub(crate) const ADDRESS: &str = "https://api.revenuecat.com/v1";
const KEY_BEGINS_WITH: &str = "sk_";
/// What their public keys begin with, one for each store.
const PUBLIC_KEYS: [&str; 7] = ["appl_", "goog_", "amzn_", "strp_", "rcb_", "mac_", "roku_"];
/// Reading someone makes them known to RevenueCat: a key is tried with a customer of this name.
const CHECKED_WITH: &str = "keyward-connection-check";
const TIMES: ClientTimes =
    ClientTimes { connect: Duration::from_secs(5), idle: None, total: Some(Duration::from_secs(10)) };
const LONGEST_ANSWER_BYTES: usize = 4 << 20;

pub(crate) struct RevenueCat {
    address: Url,
    client: reqwest::Client,
}

impl RevenueCat {
    /// The address was checked.
    pub fn new(address: &Url, guard: &Guard) -> Result<Self, OutboundError> {
        Ok(Self { address: address.clone(), client: guard.try_client(&TIMES)? })
    }

    async fn subscriber(&self, key: &SellerKey, customer: &str) -> Result<Answer, ReadError> {
        let mut address = self.address.clone();
        address
            .path_segments_mut()
            .map_err(|()| ReadError::Unreachable)?
            .pop_if_empty()
            .extend(["subscribers", customer]);
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| ReadError::Refused)?;
        bearer.set_sensitive(true);
        let sent = self.client.get(address).header(AUTHORIZATION, bearer).send().await;
        let answer = sent.map_err(|_| ReadError::Unreachable)?;
        let wait = answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED => {
                let body = whole(answer).await?;
                serde_json::from_slice(&body).map_err(|_| ReadError::Unintelligible)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ReadError::Refused),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(ReadError::Limited { wait: wait.map(|secs: u32| time::Duration::seconds(i64::from(secs))) })
            }
            status if status.is_server_error() => Err(ReadError::Unreachable),
            status => Err(ReadError::Status(status.as_u16())),
        }
    }
}

async fn whole(mut answer: reqwest::Response) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|_| ReadError::Unreachable)? {
        if body.len() + piece.len() > LONGEST_ANSWER_BYTES {
            return Err(ReadError::Unintelligible);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

#[async_trait]
impl Seller for RevenueCat {
    /// Their keys are of no mode: which purchases count is the connection's.
    fn parse_key(&self, text: &str, _: Mode) -> Result<SellerKey, KeyRefusal> {
        let text = text.trim();
        if PUBLIC_KEYS.iter().any(|public| text.starts_with(public)) {
            return Err(KeyRefusal::Public { begins_with: KEY_BEGINS_WITH });
        }
        match text.strip_prefix(KEY_BEGINS_WITH) {
            // Theirs begins alike: it must not be sent to somebody else.
            Some(rest) if rest.starts_with("live_") || rest.starts_with("test_") => {
                Err(KeyRefusal::OfAnotherSeller("Stripe"))
            }
            Some(rest) if rest.len() >= 8 && is_plain_id(rest) => Ok(SellerKey::parsed(text)),
            Some(_) | None => Err(KeyRefusal::Malformed { begins_with: KEY_BEGINS_WITH }),
        }
    }

    async fn check(&self, access: &Access) -> Result<(), KeyRefusal> {
        match self.subscriber(&access.key, CHECKED_WITH).await {
            Ok(_) => Ok(()),
            // Keys of both versions look alike.
            Err(ReadError::Refused) => Err(KeyRefusal::RefusedOrOtherVersion),
            Err(error) => Err(error.into()),
        }
    }

    /// Which the developer makes up, and types in their dashboard too.
    fn parse_secret(&self, text: &str) -> Result<WebhookSecret, &'static str> {
        WebhookSecret::parsed(text.trim()).ok_or("a random text of 16 to 255 letters, digits and marks, without blanks")
    }

    fn signature_header(&self) -> &'static str {
        "Authorization"
    }

    /// The header is the secret itself: whoever sends it once has all of it, and there is no time in it. A webhook that is
    /// sent again only has its customers read again.
    fn verify(
        &self,
        webhook: Webhook<'_>,
        secrets: &[WebhookSecret],
        mode: Mode,
        _: OffsetDateTime,
    ) -> Result<(usize, VerifiedEvent), WebhookRefusal> {
        let header = webhook.headers.get(AUTHORIZATION).ok_or(WebhookRefusal::NoSignature("Authorization"))?;
        let sent = Sha256::digest(header.as_bytes());
        let fits = |secret: &WebhookSecret| bool::from(sent.ct_eq(&Sha256::digest(secret.bytes())));
        let secret = secrets.iter().position(fits).ok_or(WebhookRefusal::NoMatch)?;
        Ok((secret, events::parse(webhook.body, mode)?))
    }

    async fn read(&self, access: &Access, customer: &str) -> Result<Reading, ReadError> {
        let answer = self.subscriber(&access.key, customer).await?;
        Ok(answer.reading(customer, access.mode))
    }

    async fn events(&self, _: &Access, _: OffsetDateTime, _: Option<&str>) -> Result<Page<VerifiedEvent>, ReadError> {
        Ok(Page::last(Vec::new()))
    }

    fn events_kept(&self) -> time::Duration {
        time::Duration::ZERO
    }

    async fn everything(&self, _: &Access, _: Option<&str>) -> Result<Option<Page<BoughtItem>>, ReadError> {
        Ok(None)
    }

    async fn offers(&self, _: &Access) -> Result<Vec<Offer>, ReadError> {
        Ok(Vec::new())
    }

    async fn look_up(&self, _: &Access, _: &str) -> Result<Named, ReadError> {
        Ok(Named::NoList)
    }
}

#[cfg(test)]
mod tests {
    use keyward_outbound::Reach;
    use zeroize::Zeroizing;

    use super::*;

    fn revenue_cat() -> RevenueCat {
        let address = Url::parse(ADDRESS).expect("an address");
        RevenueCat::new(&address, &Guard::new(Reach::PublicHttps)).expect("a client")
    }

    #[test]
    fn takes_secret_keys_only() {
        let parse = |text: &str| revenue_cat().parse_key(text, Mode::Live).map(|key| key.hint());
        assert_eq!(parse(" sk_AbCdEfGhIj"), Ok("GhIj".to_owned()));
        assert_eq!(parse("appl_AbCdEfGhIj"), Err(KeyRefusal::Public { begins_with: "sk_" }));
        assert_eq!(parse("sk_live_AbCdEfGhIj"), Err(KeyRefusal::OfAnotherSeller("Stripe")));
        assert_eq!(parse("AbCdEfGhIj"), Err(KeyRefusal::Malformed { begins_with: "sk_" }));
    }

    #[test]
    fn takes_webhooks_that_bring_one_of_the_secrets_and_nothing_but_it() {
        let secrets = ["second secret", "the secret"].map(|text| WebhookSecret::new(&Zeroizing::new(text.to_owned())));
        let body = br#"{"event": {"id": "1", "type": "TEST", "app_user_id": "alice"}}"#;
        let verify = |sent: Option<&str>| {
            let headers = sent.map(|sent| (AUTHORIZATION, sent.parse().expect("a header"))).into_iter().collect();
            let webhook = Webhook { headers: &headers, body };
            revenue_cat().verify(webhook, &secrets, Mode::Live, OffsetDateTime::UNIX_EPOCH).map(|(place, _)| place)
        };
        assert_eq!(verify(Some("the secret")), Ok(1));
        for wrong in ["the secre", "the secret ", "Bearer the secret", ""] {
            let wrong = verify(Some(wrong));
            assert_eq!(wrong, Err(WebhookRefusal::NoMatch));
        }
        assert_eq!(verify(None), Err(WebhookRefusal::NoSignature("Authorization")));
    }
}
