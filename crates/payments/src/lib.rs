//! What sellers say: their webhooks' signatures, what a key of theirs may read, and who has bought what.
//!
//! A seller is one file behind the [`Seller`] door. Must not know the database, the dashboard or an HTTP server; decides nothing
//! about plans. A key, an address of a person or a seller's own error text never gets into an error or a log.

mod billing;
mod revenue_cat;
mod seller;
mod sellers;
mod stripe;

pub use billing::{Checkout, CheckoutPage, OwnStripe, OwnStripeError, PriceFacts};
pub use seller::{
    Access, BoughtItem, KeyRefusal, Mode, Named, Offer, Page, ReadError, Reading, Seller, SellerKey, VerifiedEvent,
    Webhook, WebhookRefusal, WebhookSecret,
};
pub use sellers::{SellerAddresses, Sellers, SellersError};
