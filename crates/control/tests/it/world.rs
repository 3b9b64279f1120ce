//! A dashboard without its web side: fresh database, own clock, stand-ins for emulator and edge.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyward_control::{Actor, Billing, Control, ControlError, ControlParts, Mailer, Mode, Settings};
use keyward_domain::clock::Clock;
use keyward_domain::ids::{AppId, MemberId, ProxyId};
use keyward_domain::role::Role;
use keyward_domain::tiers::{TierName, TierPrice};
use keyward_domain::view::{DevMailView, NewProxyForm, ProxySettingsForm, ProxyView};
use keyward_identity::KeySets;
use keyward_outbound::{Guard, Reach};
use keyward_payments::{OwnStripe, Sellers};
use keyward_store::sealing::KeyRing;
use keyward_store::testing::TestDatabase;
use time::OffsetDateTime;
use time::macros::datetime;
use url::Url;

use crate::shop::{BILLING_SECRET, STRIPE_KEY, Shop};
use crate::stand_in::StandIn;

pub const IP: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
pub const PASSWORD: &str = "a rare long phrase";
pub const KEY: &str = "sk-canary-4711-abcd";
const NOW: OffsetDateTime = datetime!(2026-03-01 12:30 UTC);

pub struct World {
    pub database: TestDatabase,
    pub control: Control,
    pub stand_in: StandIn,
    pub shop: Shop,
    now: Arc<Mutex<OffsetDateTime>>,
}

pub fn key_ring() -> KeyRing {
    KeyRing::from_hex(&"5a".repeat(32)).expect("64 digits")
}

impl World {
    pub async fn development() -> Self {
        let stand_in = StandIn::start().await;
        let mode = Mode::Development { emulator_url: Some(stand_in.url.clone()) };
        Self::new(stand_in, mode, Reach::PublicHttpsAndLoopback).await
    }

    pub async fn production() -> Self {
        Self::new(StandIn::start().await, Mode::Production, Reach::PublicHttps).await
    }

    async fn new(stand_in: StandIn, mode: Mode, reach: Reach) -> Self {
        let edge_url = stand_in.url.join("edge").expect("a path");
        Self::with_edge(stand_in, edge_url, (mode, reach)).await
    }

    /// Nothing listens where the edge should be.
    pub async fn with_absent_edge() -> Self {
        let edge_url = Url::parse("http://127.0.0.1:1").expect("a URL");
        Self::with_edge(StandIn::start().await, edge_url, (Mode::Production, Reach::PublicHttps)).await
    }

    async fn with_edge(stand_in: StandIn, edge_url: Url, (mode, reach): (Mode, Reach)) -> Self {
        let (database, now) = (TestDatabase::create().await, Arc::new(Mutex::new(NOW)));
        let dashboard_url = Url::parse("https://dashboard.example.com").expect("a URL");
        let settings = Settings { dashboard_url, edge_url, mode };
        let shop = Shop::start().await;
        let control = Self::control(&database, &now, (settings, reach), (key_ring(), &shop));
        Self { database, control, stand_in, shop, now }
    }

    fn control(
        database: &TestDatabase,
        now: &Arc<Mutex<OffsetDateTime>>,
        (settings, reach): (Settings, Reach),
        (key_ring, shop): (KeyRing, &Shop),
    ) -> Control {
        Control::new(Self::parts(database, now, (settings, reach), (key_ring, shop)))
    }

    fn parts(
        database: &TestDatabase,
        now: &Arc<Mutex<OffsetDateTime>>,
        (settings, reach): (Settings, Reach),
        (key_ring, shop): (KeyRing, &Shop),
    ) -> ControlParts {
        let (shared, guard) = (Arc::clone(now), Guard::new(reach));
        let sellers = Sellers::new(&shop.addresses(), &Guard::new(Reach::PublicHttpsAndLoopback)).expect("addresses");
        ControlParts {
            store: database.store().clone(),
            clock: Clock::from_fn(move || *shared.lock().expect("not poisoned")),
            key_ring,
            key_sets: KeySets::new(guard.clone()),
            mailer: Mailer::keep_in_database(),
            sellers,
            billing: None,
            guard,
            settings,
        }
    }

    /// The same installation, where developers pay: `price_pro` and `price_scale`, with a trial of 14 days.
    pub fn taking_money(&self) -> Control {
        Control::new(self.parts_taking_money())
    }

    pub fn parts_taking_money(&self) -> ControlParts {
        let prices = [(TierName::Pro, "price_pro"), (TierName::Scale, "price_scale")];
        let stripe = OwnStripe::new(self.shop.addresses().stripe.as_ref(), STRIPE_KEY, &[BILLING_SECRET]);
        let billing = Billing {
            stripe: stripe.expect("a key and a secret"),
            prices: prices.map(|(tier, price)| TierPrice { tier, price: price.to_owned() }).to_vec(),
            trial_days: 14,
        };
        let surroundings = (self.control.settings().clone(), Reach::PublicHttps);
        let parts = Self::parts(&self.database, &self.now, surroundings, (key_ring(), &self.shop));
        ControlParts { billing: Some(billing), ..parts }
    }

    /// The same installation, started with another key-encryption key.
    pub fn with_another_key(&self) -> Control {
        let other = KeyRing::from_hex(&"5b".repeat(32)).expect("64 digits");
        Self::control(
            &self.database,
            &self.now,
            (self.control.settings().clone(), Reach::PublicHttps),
            (other, &self.shop),
        )
    }

    /// The same database, started in production.
    pub fn as_production(&self) -> Control {
        let settings = Settings { mode: Mode::Production, ..self.control.settings().clone() };
        Self::control(&self.database, &self.now, (settings, Reach::PublicHttps), (key_ring(), &self.shop))
    }

    pub fn now(&self) -> OffsetDateTime {
        *self.now.lock().expect("not poisoned")
    }

    pub fn wait(&self, duration: time::Duration) {
        *self.now.lock().expect("not poisoned") += duration;
    }

    /// Signed up and verified by the link of the mail.
    pub async fn member(&self, email: &str) -> MemberId {
        self.control.sign_up(email, PASSWORD, IP).await.expect("signs up");
        self.control.verify_email(&self.token_mailed_to(email).await).await.expect("verifies");
        self.member_id(email).await
    }

    pub async fn member_id(&self, email: &str) -> MemberId {
        self.database.store().member_by_email(email).await.expect("works").expect("a member").member_id()
    }

    pub async fn sign_in(&self, email: &str, password: &str, ip: IpAddr) -> Result<MemberId, ControlError> {
        self.control.sign_in(email, password, ip).await.map(|signed_in| signed_in.member_id)
    }

    pub async fn actor(&self, email: &str) -> Actor {
        self.control.actor(self.member(email).await).await.expect("verified")
    }

    /// With the dashboard's own mail: production has no page for it.
    pub async fn mails_to(&self, email: &str) -> Vec<DevMailView> {
        self.control.settle(Duration::from_secs(10)).await;
        let rows = self.database.store().kept_mails().await.expect("works");
        let to_email = rows.into_iter().filter(|row| row.recipient == email);
        to_email
            .map(|row| DevMailView {
                recipient: row.recipient,
                subject: row.subject,
                body: row.body,
                created_at: row.created_at,
            })
            .collect()
    }

    /// Of the latest mail.
    pub async fn token_mailed_to(&self, email: &str) -> String {
        let mails = self.mails_to(email).await;
        let body = &mails.first().expect("a mail came").body;
        let (_, after) = body.split_once("?token=").expect("the mail has a link");
        after.split_whitespace().next().expect("the link has a token").to_owned()
    }

    /// A member with an account of their own, who belongs to the actor's as well.
    pub async fn colleague(&self, actor: &Actor, email: &str, role: Role) -> MemberId {
        let member = self.member(email).await;
        // Joined after their own account was made.
        self.wait(time::Duration::SECOND);
        self.control.invite(actor, email, role, IP).await.expect("invited");
        let token = self.token_mailed_to(email).await;
        self.control.accept_invitation(member, &token).await.expect("accepted");
        member
    }

    pub async fn app(&self, actor: &Actor) -> AppId {
        self.control.create_app(actor, "App").await.expect("created")
    }

    pub async fn app_named(&self, actor: &Actor, name: &str) -> AppId {
        self.control.create_app(actor, name).await.expect("created")
    }

    pub async fn openai_proxy(&self, actor: &Actor, app: AppId) -> ProxyId {
        self.control.create_proxy(actor, app, new_proxy("openai", "")).await.expect("created")
    }
}

pub fn new_proxy(provider: &str, base_url: &str) -> NewProxyForm {
    NewProxyForm {
        name: "Proxy".to_owned(),
        provider: provider.to_owned(),
        base_url: base_url.to_owned(),
        key_placement: None,
        key: KEY.to_owned(),
    }
}

/// What the settings page sends when nothing was changed.
pub fn unchanged(proxy: &ProxyView) -> ProxySettingsForm {
    ProxySettingsForm {
        name: proxy.name.clone(),
        base_url: proxy.base_url.clone(),
        key_placement: Some(proxy.key_placement.clone()),
        key: String::new(),
        current_password: String::new(),
        allowed_origins: proxy.allowed_origins.clone(),
        rules: proxy.rules.clone(),
        seen: None,
    }
}

/// The field and the reason of a refusal.
pub fn refusal<T: std::fmt::Debug>(outcome: Result<T, ControlError>) -> (&'static str, String) {
    match outcome.expect_err("must be refused") {
        ControlError::Invalid { field, reason } => (field, reason),
        other => panic!("another error: {other:?}"),
    }
}
