//! What a connection needs at Stripe: the guide tells a developer to tick it, and the code asks for nothing else.

/// Events after which somebody may have more or less than before; others concern nobody.
pub const STRIPE_EVENTS: [&str; 15] = [
    "customer.updated",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.voided",
    "invoice.marked_uncollectible",
    "charge.refunded",
];

/// What a key must be able to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripePermission {
    Customers,
    Subscriptions,
    CheckoutSessions,
    Invoices,
    Prices,
    Products,
    Events,
}

impl StripePermission {
    pub const ALL: [Self; 7] = [
        Self::Customers,
        Self::Subscriptions,
        Self::CheckoutSessions,
        Self::Invoices,
        Self::Prices,
        Self::Products,
        Self::Events,
    ];

    /// As Stripe's dashboard calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Customers => "Customers",
            Self::Subscriptions => "Subscriptions",
            Self::CheckoutSessions => "Checkout Sessions",
            Self::Invoices => "Invoices",
            Self::Prices => "Prices",
            Self::Products => "Products",
            Self::Events => "Events",
        }
    }
}

/// All of them: `Customers, … and Events`.
pub fn stripe_permissions() -> String {
    let [first @ .., last] = StripePermission::ALL.map(StripePermission::title);
    format!("{} and {last}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_names_every_permission_and_event() {
        let guide = include_str!("../../../../docs/plans.md");
        for permission in StripePermission::ALL {
            assert!(guide.contains(permission.title()), "{permission:?}");
        }
        let is_told = |event: &str| {
            let (family, _) = event.rsplit_once('.').expect("a dot");
            let of_kind = event.rsplit_once('_').map(|(begin, _)| format!("`{begin}_*`"));
            [format!("`{event}`"), format!("`{family}.*`")].into_iter().chain(of_kind).any(|told| guide.contains(&told))
        };
        for event in STRIPE_EVENTS {
            assert!(is_told(event), "{event}");
        }
        assert_eq!(
            stripe_permissions(),
            "Customers, Subscriptions, Checkout Sessions, Invoices, Prices, Products and Events"
        );
    }
}
