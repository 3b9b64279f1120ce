//! What decides the plans of single users, in memory: what they bought, and what was set by hand. Follows the feed in the
//! database (`plan_watch`); knows no plan itself.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use keyward_domain::ids::AppId;
use keyward_domain::issuer::Subject;
use keyward_domain::plans::{Entitlement, PlanOverride, PurchaseSource, verified_email};
use keyward_store::plan_feed::{Customer, PlanNews};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::snapshot::ServedApp;
use crate::steps::authenticate::Caller;

#[derive(Default)]
pub struct UserPlans(RwLock<Held>);

/// Of one caller.
#[derive(Default)]
pub struct Known {
    pub by_hand: Option<PlanOverride>,
    pub bought: Vec<Arc<[Entitlement]>>,
}

#[derive(Default)]
struct Held {
    by_hand: HashMap<Subject, (AppId, PlanOverride)>,
    bought: HashMap<Buyer, Vec<Purchases>>,
    /// Where each customer's purchases are.
    places: HashMap<Uuid, (AppId, Buyer)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Buyer {
    User(Subject),
    /// One of whom the seller's records name nobody.
    Email(AppId, String),
}

struct Purchases {
    customer: Uuid,
    source: PurchaseSource,
    connected_at: OffsetDateTime,
    entitlements: Arc<[Entitlement]>,
}

impl UserPlans {
    pub fn learn(&self, news: Vec<PlanNews>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for one in news {
            match one {
                PlanNews::Bought(customer) => held.put(customer),
                PlanNews::ByHand { app, subject, set: Some(set) } => drop(held.by_hand.insert(subject, (app, set))),
                PlanNews::ByHand { subject, set: None, .. } => drop(held.by_hand.remove(&subject)),
            }
        }
    }

    /// All users of apps that were deleted.
    pub fn forget(&self, gone: &[AppId]) {
        if gone.is_empty() {
            return;
        }
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        held.by_hand.retain(|_, (app, _)| !gone.contains(app));
        let places = held.places.iter().filter(|(_, (app, _))| gone.contains(app));
        for customer in places.map(|(customer, _)| *customer).collect::<Vec<_>>() {
            held.remove(customer);
        }
    }

    pub fn of(&self, app: &ServedApp, caller: &Caller) -> Known {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let by_hand = held.by_hand.get(caller.subject()).map(|(_, set)| *set);
        if app.sources.is_empty() {
            return Known { by_hand, bought: Vec::new() };
        }
        let own = held.bought.get(&Buyer::User(caller.subject().clone()));
        let email = || Some(Buyer::Email(app.id, verified_email(caller.claims())?));
        let by_email = app.policy.link_by_email.then(email).flatten().and_then(|buyer| held.bought.get(&buyer));
        let is_connected = |one: &&Purchases| app.sources.contains(&(one.source, one.connected_at));
        let all = own.into_iter().chain(by_email).flatten().filter(is_connected);
        Known { by_hand, bought: all.map(|one| one.entitlements.clone()).collect() }
    }
}

impl Held {
    fn put(&mut self, customer: Customer) {
        let Customer { app, source, connected_at, id, subject, email, entitlements } = customer;
        self.remove(id);
        let buyer = subject.map(Buyer::User).or_else(|| email.map(|email| Buyer::Email(app, email)));
        let Some(buyer) = buyer.filter(|_| !entitlements.is_empty()) else { return };
        self.places.insert(id, (app, buyer.clone()));
        let entitlements = entitlements.into();
        self.bought.entry(buyer).or_default().push(Purchases { customer: id, source, connected_at, entitlements });
    }

    fn remove(&mut self, id: Uuid) {
        let Some((_, buyer)) = self.places.remove(&id) else { return };
        if let Some(known) = self.bought.get_mut(&buyer) {
            known.retain(|one| one.customer != id);
            if known.is_empty() {
                self.bought.remove(&buyer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_domain::ids::{IssuerId, PlanId};
    use keyward_domain::plans::EntitlementState;
    use time::macros::datetime;

    fn news(app: AppId) -> Vec<PlanNews> {
        let subject = Subject { issuer: IssuerId(Uuid::new_v4()), sub: "alice".to_owned() };
        let bought = Entitlement {
            source: PurchaseSource::Stripe,
            id: "sub_1".to_owned(),
            names: vec!["price_pro".to_owned()],
            state: EntitlementState::Active,
            paid_until: None,
            ends: false,
        };
        let set = PlanOverride { plan: PlanId(Uuid::new_v4()), until: None };
        vec![
            PlanNews::ByHand { app, subject: subject.clone(), set: Some(set) },
            PlanNews::Bought(Customer {
                app,
                source: PurchaseSource::Stripe,
                connected_at: datetime!(2026-01-01 12:00 UTC),
                id: Uuid::new_v4(),
                subject: Some(subject),
                email: None,
                entitlements: vec![bought],
            }),
        ]
    }

    #[test]
    fn of_a_deleted_app_no_user_is_remembered() {
        let (plans, stays, goes) = (UserPlans::default(), AppId(Uuid::new_v4()), AppId(Uuid::new_v4()));
        plans.learn([news(stays), news(goes)].concat());
        let sizes = || {
            let held = plans.0.read().expect("no panic");
            [held.by_hand.len(), held.bought.len(), held.places.len()]
        };
        assert_eq!(sizes(), [2, 2, 2]);
        plans.forget(&[]);
        assert_eq!(sizes(), [2, 2, 2]);
        plans.forget(&[goes]);
        assert_eq!(sizes(), [1, 1, 1]);
        assert!(plans.0.read().expect("no panic").places.values().all(|(app, _)| *app == stays));
    }
}
