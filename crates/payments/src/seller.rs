//! The door that every seller stands behind, and the words spoken through it.

use async_trait::async_trait;
use keyward_domain::plans::{Entitlement, LinkKind};
use time::{Duration, OffsetDateTime};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// With which we read a seller's records, in the clear. No `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SellerKey(String);

impl SellerKey {
    /// As it was sealed.
    pub fn new(text: &Zeroizing<String>) -> Self {
        Self(text.as_str().to_owned())
    }

    pub(crate) fn parsed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Where it is sealed, and where it goes to the seller.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last four characters, as of any key.
    pub fn hint(&self) -> String {
        last_four(&self.0)
    }
}

fn last_four(text: &str) -> String {
    let begin = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    text[begin..].to_owned()
}

/// Real money, or the seller's test mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Live,
    Test,
}

impl Mode {
    pub fn is_live(self) -> bool {
        self == Self::Live
    }

    pub fn of(live: bool) -> Self {
        if live { Self::Live } else { Self::Test }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// By what a seller is read.
pub struct Access {
    pub key: SellerKey,
    pub mode: Mode,
}

/// Why a key can't be used, in words for the developer who typed it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    #[error("this is not a key of theirs; it begins with {begins_with}")]
    Malformed { begins_with: &'static str },
    #[error(
        "this is a key that is meant to be public, and can't read purchases; paste a secret one, which begins with {begins_with}"
    )]
    Public { begins_with: &'static str },
    #[error("this is a {} mode key, but {} mode is connected", .is.name(), .wanted.name())]
    OtherMode { is: Mode, wanted: Mode },
    #[error("this is a webhook’s signing secret; it goes into the field of the secret")]
    WebhookSecret,
    #[error("this is a key of {0}; nothing was sent to anybody with it")]
    OfAnotherSeller(&'static str),
    #[error("the seller refuses this key: it was revoked, or is not whole; make a new one there and paste it")]
    Refused,
    #[error(
        "the seller refuses this key: it was revoked, or is for version 2 of their API; make a secret key for version 1 there and paste it"
    )]
    RefusedOrOtherVersion,
    #[error("the key may not read: {}; give it these permissions (read) and try again", .0.join(", "))]
    MayNotRead(Vec<&'static str>),
    #[error("the seller can't be reached now; try again in a minute")]
    Unreachable,
    #[error("the seller answered something that we don't understand; try again in a minute")]
    Unintelligible,
}

/// Why nothing was read. Never holds what the seller wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the key is refused; it may have been revoked, and a new one has to take its place")]
    Refused,
    #[error("the key has no permission to read {0}; give it that at the seller, or put a new key in its place")]
    MayNotRead(&'static str),
    #[error("the seller asks us to wait")]
    Limited { wait: Option<Duration> },
    #[error("the seller can't be reached")]
    Unreachable,
    #[error("the seller answered with status {0}")]
    Status(u16),
    #[error("the answer can't be understood")]
    Unintelligible,
    #[error("the customer pays in another currency, and a seller takes one from each")]
    OtherCurrency,
}

impl From<ReadError> for KeyRefusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused => Self::Refused,
            ReadError::MayNotRead(what) => Self::MayNotRead(vec![what]),
            ReadError::Limited { .. } | ReadError::Unreachable => Self::Unreachable,
            ReadError::Status(_) | ReadError::Unintelligible | ReadError::OtherCurrency => Self::Unintelligible,
        }
    }
}

/// What one customer has.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Lower case.
    pub email: Option<String>,
    /// Whom the records name as the app's user.
    pub named: Option<(String, LinkKind)>,
    pub entitlements: Vec<Entitlement>,
}

/// One thing of a list of everything bought.
#[derive(Debug, PartialEq, Eq)]
pub struct BoughtItem {
    pub customer: String,
    pub entitlement: Entitlement,
}

/// Part of a list, and where the next part begins.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

impl<T> Page<T> {
    pub fn last(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Something that can be bought, as a rule may name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub name: String,
    pub title: String,
}

/// What a seller says of a name that a rule asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    Sold,
    /// There is nothing of that name, in this mode.
    Unknown,
    /// A price that is paid once: no subscription comes of it.
    PaidOnce,
    /// A price of a product that has others for those who pay in these.
    AlsoInOtherCurrencies {
        product: String,
        currencies: Vec<String>,
    },
    /// The seller has no list of names.
    NoList,
}

/// What a seller signs its webhooks with. No `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    pub fn new(text: &Zeroizing<String>) -> Self {
        Self(text.as_str().to_owned())
    }

    /// Where it is sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Visible ASCII, 16 to 255 characters.
    pub(crate) fn parsed(text: &str) -> Option<Self> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        ((16..=255).contains(&text.len()) && is_visible).then(|| Self(text.to_owned()))
    }

    pub fn hint(&self) -> String {
        last_four(&self.0)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// A webhook as it came.
#[derive(Clone, Copy)]
pub struct Webhook<'a> {
    pub headers: &'a http::HeaderMap,
    pub body: &'a [u8],
}

/// One that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEvent {
    pub id: String,
    pub kind: String,
    /// Whose records it concerns, if anybody's: each once, in order.
    pub customers: Vec<String>,
}

/// Why a webhook is not taken. Said to whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookRefusal {
    #[error("there is no {0} header")]
    NoSignature(&'static str),
    #[error("the signature can't be read")]
    Malformed,
    #[error(
        "no signature fits: the secret here is of another endpoint, or the body was changed on its way; copy the secret of the endpoint that has this address"
    )]
    NoMatch,
    #[error("the signature is too old, or from the future: more than 300 s lie between it and our clock")]
    Expired,
    #[error("a {} mode event came to a connection in {} mode", .is.name(), .wanted.name())]
    OtherMode { is: Mode, wanted: Mode },
    #[error("the event can't be understood")]
    Unintelligible,
}

/// Where an App's users buy.
#[async_trait]
pub trait Seller: Send + Sync {
    /// What can be seen of a key without a call.
    fn parse_key(&self, text: &str, wanted: Mode) -> Result<SellerKey, KeyRefusal>;

    /// A live call: that the key is taken, and may read all that we read.
    async fn check(&self, access: &Access) -> Result<(), KeyRefusal>;

    /// What can be seen of a webhook secret; else what it should be.
    fn parse_secret(&self, text: &str) -> Result<WebhookSecret, &'static str>;

    /// The header without which nothing needs to be looked up.
    fn signature_header(&self) -> &'static str;

    /// Which of the secrets signed it, and what it says.
    fn verify(
        &self,
        webhook: Webhook<'_>,
        secrets: &[WebhookSecret],
        mode: Mode,
        now: OffsetDateTime,
    ) -> Result<(usize, VerifiedEvent), WebhookRefusal>;

    /// What a customer has now. One that the seller does not know, or not any more, has nothing.
    async fn read(&self, access: &Access, customer: &str) -> Result<Reading, ReadError>;

    /// Events since then, newest first, as far back as the seller keeps them. Empty where it tells none.
    async fn events(
        &self,
        access: &Access,
        since: OffsetDateTime,
        page: Option<&str>,
    ) -> Result<Page<VerifiedEvent>, ReadError>;

    /// How far back that is.
    fn events_kept(&self) -> Duration;

    /// Everything that was ever bought. `None` where the seller has no list: then its customers are read one by one.
    async fn everything(&self, access: &Access, page: Option<&str>) -> Result<Option<Page<BoughtItem>>, ReadError>;

    /// What can be bought, at most 100. Empty where the seller has no list.
    async fn offers(&self, access: &Access) -> Result<Vec<Offer>, ReadError>;

    /// Whether what a rule names can be bought.
    async fn look_up(&self, access: &Access, name: &str) -> Result<Named, ReadError>;
}

/// Letters, digits and a few marks: what may stand in a path.
pub(crate) fn is_plain_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}
