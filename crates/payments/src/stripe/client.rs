//! One key's way to Stripe, by async-stripe: its requests, its times, its errors. Answers come as they are, since its own types
//! refuse those of other versions of the API.

use std::time::Duration;

use keyward_domain::plans::StripePermission;
use serde::de::DeserializeOwned;
use stripe::{ClientBuilder, RequestStrategy, StripeError};
use stripe_client_core::{CustomizableStripeRequest, IdempotencyKey, RequestBuilder, StripeMethod};
use url::form_urlencoded;

use crate::seller::{ReadError, SellerKey};

/// Of one attempt, its answer included.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Client(stripe::Client);

/// What is asked for, and by which permission.
pub(super) struct Question<'a> {
    pub permission: StripePermission,
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
}

/// What is to be made, and by which permission.
pub(crate) struct Form<'a> {
    pub permission: &'static str,
    pub path: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    /// Asked twice with the same one, it is made once.
    pub idempotency_key: Option<&'a str>,
}

impl Client {
    /// `attempts`: how often a call is tried that Stripe or the way there could not answer.
    pub fn new(key: &SellerKey, address: Option<&str>, attempts: u32) -> Result<Self, ReadError> {
        let builder = ClientBuilder::new(key.expose())
            .timeout(TIMEOUT)
            .request_strategy(RequestStrategy::ExponentialBackoff(attempts))
            .app_info("keyward", Some(env!("CARGO_PKG_VERSION").to_owned()), None);
        let builder = match address {
            Some(address) => builder.url(address),
            None => builder,
        };
        // Only a key with characters that no header has can fail.
        builder.build().map(Self).map_err(|_| ReadError::Refused)
    }

    pub async fn get<T: DeserializeOwned>(&self, question: Question<'_>) -> Result<T, ReadError> {
        let mut request = RequestBuilder::new(StripeMethod::Get, question.path);
        if !question.query.is_empty() {
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(question.query).finish();
            request.query = Some(query);
        }
        self.answer(request.customize(), question.permission.title()).await
    }

    /// Once: what was made though nobody heard of it must not be made again.
    pub async fn post<T: DeserializeOwned>(&self, form: Form<'_>) -> Result<T, ReadError> {
        let mut request = RequestBuilder::new(StripeMethod::Post, form.path);
        request.body = Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(form.fields).finish());
        let strategy = match form.idempotency_key.map(IdempotencyKey::new) {
            Some(Ok(key)) => RequestStrategy::Idempotent(key),
            Some(Err(_)) | None => RequestStrategy::Once,
        };
        self.answer(request.customize().request_strategy(strategy), form.permission).await
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: CustomizableStripeRequest<miniserde::json::Value>,
        permission: &'static str,
    ) -> Result<T, ReadError> {
        let answer = request.send(&self.0).await.map_err(|error| in_our_words(&error, permission))?;
        serde_json::from_str(&miniserde::json::to_string(&answer)).map_err(|_| ReadError::Unintelligible)
    }
}

/// The only thing by which this refusal can be told from others: it has no code.
const CURRENCIES: &str = "You cannot combine currencies";

/// Stripe's own text stays behind: it can name a key or a person.
fn in_our_words(error: &StripeError, permission: &'static str) -> ReadError {
    match error {
        StripeError::Stripe(_, 401) => ReadError::Refused,
        StripeError::Stripe(_, 403) => ReadError::MayNotRead(permission),
        StripeError::Stripe(_, 429) => ReadError::Limited { wait: None },
        StripeError::Stripe(_, 500..) | StripeError::ClientError(_) | StripeError::Timeout => ReadError::Unreachable,
        StripeError::Stripe(why, 400) if why.message.as_deref().is_some_and(|why| why.starts_with(CURRENCIES)) => {
            ReadError::OtherCurrency
        }
        StripeError::Stripe(_, status) => ReadError::Status(*status),
        StripeError::JSONDeserialize(_) => ReadError::Unintelligible,
        StripeError::ConfigError(_) => ReadError::Refused,
    }
}
