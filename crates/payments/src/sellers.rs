//! All sellers of an installation, by name.

use keyward_domain::plans::PurchaseSource;
use keyward_outbound::{Guard, OutboundError};
use url::Url;

use crate::revenue_cat::RevenueCat;
use crate::seller::Seller;
use crate::stripe::Stripe;

/// Where the sellers are. Others than their own only in development.
#[derive(Clone, Debug, Default)]
pub struct SellerAddresses {
    pub stripe: Option<Url>,
    pub revenue_cat: Option<Url>,
}

#[derive(Debug, thiserror::Error)]
pub enum SellersError {
    #[error("{0}")]
    Address(#[from] url::ParseError),
    #[error("{0}")]
    Client(#[from] OutboundError),
}

pub struct Sellers {
    stripe: Stripe,
    revenue_cat: RevenueCat,
}

impl Sellers {
    pub fn new(addresses: &SellerAddresses, guard: &Guard) -> Result<Self, SellersError> {
        let revenue_cat = match &addresses.revenue_cat {
            Some(address) => address.clone(),
            None => Url::parse(crate::revenue_cat::ADDRESS)?,
        };
        guard.check_url(&revenue_cat)?;
        let stripe = Stripe::new(addresses.stripe.as_ref());
        Ok(Self { stripe, revenue_cat: RevenueCat::new(&revenue_cat, guard)? })
    }

    pub fn of(&self, source: PurchaseSource) -> &dyn Seller {
        match source {
            PurchaseSource::Stripe => &self.stripe,
            PurchaseSource::RevenueCat => &self.revenue_cat,
        }
    }
}
